import { createHash } from 'node:crypto';
import { isSecurityTier, type SecurityTier } from '@sotto/protocol';
import { encodeReceiptComment, RECEIPT_HEADER } from '@sotto/protocol/receipt';
import type { HeaderFields, ResponseSink } from '../http/exchange.ts';

/** What of an answer its receipt states. */
export interface AnswerFacts {
  /** Lower-case hexadecimal. */
  readonly answerSha256: string;
  readonly tier: SecurityTier;
  readonly upstreamClass: string;
}

/** Makes the receipt of an answer that is whole; null where none can be given. Never rejects. */
export type ReceiptWriter = (facts: AnswerFacts) => Promise<string | null>;

const LINE_FEED = 0x0a;
/** Ends an event that its sender left open, so that the comment is a line of its own. */
const EMPTY_LINE = Buffer.from('\n\n');

/**
 * Hashes an answer as it passes and adds its receipt: to a stream of events, a comment behind the last one; to an
 * answer in one piece, a header field, so that its head waits for its end. An answer that no upstream gave, that is
 * an error, or that breaks off has none.
 */
export class ReceiptSink implements ResponseSink {
  readonly #outer: ResponseSink;
  readonly #write: ReceiptWriter;
  readonly #hash = createHash('sha256');
  #preset: HeaderFields = {};
  #head: { readonly status: number; readonly headers: HeaderFields } | null = null;
  #source: Omit<AnswerFacts, 'answerSha256'> | null = null;
  /** The answer in one piece, until its end. */
  #held: Uint8Array[] | null = null;
  #lastByte: number | undefined = LINE_FEED;
  #isOver = false;

  constructor(outer: ResponseSink, write: ReceiptWriter) {
    this.#outer = outer;
    this.#write = write;
  }

  get status(): number | undefined {
    return this.#head?.status;
  }

  preset(headers: HeaderFields): void {
    this.#preset = { ...this.#preset, ...headers };
    this.#outer.preset(headers);
  }

  head(status: number, headers: HeaderFields): void {
    if (this.#head !== null) return;
    this.#head = { status, headers };
    const all = { ...this.#preset, ...headers };
    this.#source = status === 200 ? sourceOf(all) : null;
    const isStream = all['content-type']?.startsWith('text/event-stream') ?? false;
    if (this.#source === null || isStream) this.#outer.head(status, headers);
    else this.#held = [];
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver) return true;
    if (this.#source !== null) {
      this.#hash.update(chunk);
      this.#lastByte = chunk.at(-1) ?? this.#lastByte;
    }
    if (this.#held === null) return this.#outer.write(chunk);
    this.#held.push(chunk);
    return true;
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#source === null) this.#outer.end();
    else void this.#finish(this.#source);
  }

  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#release({});
    this.#outer.abort();
  }

  onDrain(listener: () => void): void {
    this.#outer.onDrain(listener);
  }

  onClose(listener: () => void): void {
    this.#outer.onClose(listener);
  }

  async #finish(source: Omit<AnswerFacts, 'answerSha256'>): Promise<void> {
    const isStream = this.#held === null;
    if (isStream && this.#lastByte !== LINE_FEED) {
      this.#hash.update(EMPTY_LINE);
      this.#outer.write(EMPTY_LINE);
    }
    const receipt = await this.#write({ ...source, answerSha256: this.#hash.digest('hex') });
    if (isStream && receipt !== null) this.#outer.write(encodeReceiptComment(receipt));
    this.#release(receipt === null ? {} : { [RECEIPT_HEADER]: receipt });
    this.#outer.end();
  }

  /** Sends what was held back. */
  #release(fields: HeaderFields): void {
    const held = this.#held;
    this.#held = null;
    if (held === null || this.#head === null) return;
    this.#outer.head(this.#head.status, { ...this.#head.headers, ...fields });
    for (const chunk of held) this.#outer.write(chunk);
  }
}

/** Who answered, in the words of the answer's own head; null where it was the router itself. */
function sourceOf(headers: HeaderFields): Omit<AnswerFacts, 'answerSha256'> | null {
  const tier = headers['x-sotto-tier'];
  const upstreamClass = headers['x-sotto-upstream-class'];
  return isSecurityTier(tier) && upstreamClass !== undefined ? { tier, upstreamClass } : null;
}
