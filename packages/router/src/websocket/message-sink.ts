import { apiError, parseRetryAfter } from '@sotto/protocol';
import { EventReader } from '../http/event-reader.ts';
import type { HeaderFields } from '../http/exchange.ts';
import { editJsonObject } from '../http/json-members.ts';
import { type JsonObject, readJsonObject } from '../http/json-object.ts';
import { ConnectionSink, errorMessage } from './connection-sink.ts';

/** Longest event of a stream: a base64 image fits. */
const MAX_EVENT_BYTES = 16_777_216;
const DONE = '[DONE]';

/** A chunk that has been read. */
interface Chunk {
  readonly text: string;
  readonly value: JsonObject;
}

/**
 * Makes messages of an answer: one of each event, or one of the whole.
 *
 * Every message parses as JSON and holds a choice or an error, for clients read `choices[0].delta` of whatever comes:
 * `[DONE]` is not sent, and the usage that a stream tells last, with no choices, goes into the chunk that finishes.
 */
export class MessageSink extends ConnectionSink {
  readonly #reader = new EventReader(MAX_EVENT_BYTES);
  readonly #pieces: Uint8Array[] = [];
  #isStream = false;
  /** The wait that an error asks for. */
  #retryAfterMs: number | null = null;
  /** The finishing chunk, kept until it is known whether usage follows. */
  #last: Chunk | null = null;
  #usage: unknown = null;

  protected begin(status: number, headers: HeaderFields): void {
    this.#retryAfterMs = status < 400 ? null : parseRetryAfter(headers, Date.now());
    this.#isStream = status === 200 && (headers['content-type'] ?? '').startsWith('text/event-stream');
  }

  protected take(chunk: Uint8Array): void {
    if (!this.#isStream) this.#pieces.push(chunk);
    else for (const data of this.#reader.read(chunk)) this.#pass(data);
  }

  protected complete(): void {
    if (this.#isStream) {
      this.#finishStream();
      return;
    }
    const chunk = readChunk(Buffer.concat(this.#pieces));
    if (chunk === null) this.finish(errorMessage(apiError('internal_error', 'the answer is not JSON'), this.#id));
    else if (this.#retryAfterMs === null) this.finish(this.#named(chunk));
    else this.finish(withMember(this.#named(chunk), 'retry_after_ms', this.#retryAfterMs));
  }

  protected breakOff(): void {
    this.finish(errorMessage(apiError('upstream_failed', 'the answer broke off before its end'), this.#id));
  }

  get #id(): string | null {
    return this.options.requestId;
  }

  #pass(data: string): void {
    if (this.isOver) return;
    if (data === DONE) {
      this.#finishStream();
      return;
    }
    const chunk = readChunk(Buffer.from(data));
    if (chunk === null) {
      throw apiError('upstream_invalid_response', 'the model server sent an event that is not JSON');
    }
    const { error, usage, choices } = chunk.value;
    if (error !== undefined && error !== null) {
      this.#release();
      this.finish(this.#named(chunk));
    } else if (Array.isArray(choices) && choices.length > 0) {
      this.#release();
      if (choices.some(isFinished)) this.#last = chunk;
      else this.options.outbox.send(this.#named(chunk));
    } else if (usage !== undefined && usage !== null) {
      this.#usage = usage;
    }
  }

  /** More choices follow: what looked like the end was one of several. */
  #release(): void {
    if (this.#last !== null) this.options.outbox.send(this.#named(this.#last));
    this.#last = null;
  }

  #finishStream(): void {
    const last = this.#last;
    if (last === null) this.close();
    else this.finish(this.#named(this.#usage === null ? last : withUsage(last, this.#usage)));
  }

  /** The text with the request's id, in place of any that an upstream may have put there. */
  #named({ text }: Chunk): string {
    return this.#id === null ? text : withMember(text, 'request_id', this.#id);
  }
}

function readChunk(bytes: Buffer): Chunk | null {
  const value = readJsonObject(bytes);
  return value === null ? null : { text: bytes.toString('utf8'), value };
}

function withMember(text: string, name: string, value: string | number): string {
  return editJsonObject(Buffer.from(text), { [name]: JSON.stringify(value) }).toString('utf8');
}

function withUsage({ value }: Chunk, usage: unknown): Chunk {
  const whole = { ...value, usage };
  return { text: JSON.stringify(whole), value: whole };
}

function isFinished(choice: unknown): boolean {
  if (typeof choice !== 'object' || choice === null || !('finish_reason' in choice)) return false;
  return choice.finish_reason !== null && choice.finish_reason !== undefined;
}
