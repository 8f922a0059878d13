import { Buffer } from 'node:buffer';
import { apiError, errorBody, isErrorCode } from '@sotto/protocol';
import { asApiError } from '../http/answer.ts';
import { EventReader } from '../http/event-reader.ts';
import type { HeaderFields, ResponseSink } from '../http/exchange.ts';
import { readJsonObject } from '../http/json-object.ts';
import { MAX_HISTORY_BYTES } from './history.ts';
import type { KeepTurn } from './kept-turn.ts';
import { answeredPieceSchema } from './schemas.ts';

/** Longest event: one that never ends must not fill the memory. */
const MAX_EVENT_BYTES = 4 * 1_024 * 1_024;

/** How far a streamed answer has come. */
type Progress = 'under way' | 'whole' | 'broken';

/**
 * Takes a streamed chat completion and passes its text on piece by piece, as events of the chatbots' own. The end is
 * held back until the turn is kept: whoever reads `done` can continue the conversation.
 */
export class TurnStream implements ResponseSink {
  readonly #outer: ResponseSink;
  readonly #events = new EventReader(MAX_EVENT_BYTES);
  readonly #closeListeners: (() => void)[] = [];
  #headers: HeaderFields = {};
  readonly #text: string[] = [];
  #characters = 0;
  #usage: object | null = null;
  #progress: Progress = 'under way';
  #closed = false;

  constructor(outer: ResponseSink) {
    this.#outer = outer;
    outer.onClose(() => this.#close());
  }

  preset(headers: HeaderFields): void {
    this.#headers = { ...this.#headers, ...headers };
    this.#outer.preset(headers);
  }

  head(status: number, headers: HeaderFields): void {
    this.#headers = { ...this.#headers, ...headers };
    this.#outer.head(status, headers);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#progress !== 'under way') return true;
    let written = '';
    try {
      for (const data of this.#events.read(chunk)) written += this.#read(data);
    } catch (error) {
      this.#break(error);
      this.#close();
      return true;
    }
    return written === '' || this.#outer.write(Buffer.from(written));
  }

  end(): void {
    if (this.#progress === 'under way') this.#progress = 'whole';
    else this.#outer.abort();
  }

  abort(): void {
    this.#progress = 'broken';
    this.#outer.abort();
  }

  onDrain(listener: () => void): void {
    this.#outer.onDrain(listener);
  }

  onClose(listener: () => void): void {
    if (this.#closed) listener();
    else this.#closeListeners.push(listener);
  }

  /** Keeps a whole answer and sends the last event. Does nothing where the answer broke off or its reader has gone. */
  async finish(keep: KeepTurn, report: (error: unknown) => void): Promise<void> {
    if (this.#progress !== 'whole' || this.#closed) return;
    try {
      if (this.#text.length === 0) {
        throw apiError('upstream_invalid_response', 'the model server answered without a text');
      }
      const told = await keep({ text: this.#text.join(''), headers: this.#headers, usage: this.#usage });
      this.#outer.write(Buffer.from(event({ ...told, done: true })));
      this.#outer.end();
    } catch (error) {
      if (asApiError(error).code === 'internal_error') report(error);
      this.#break(error);
    }
  }

  /**
   * @returns what is to be sent for one event of the model server's
   * @throws ServerError `upstream_invalid_response` where the answer is too long to be kept
   */
  #read(data: string): string {
    const parsed = answeredPieceSchema.safeParse(readJsonObject(Buffer.from(data)));
    if (!parsed.success || this.#progress !== 'under way') return '';
    const { choices, usage, error } = parsed.data;
    if (error !== undefined && error !== null) {
      this.#progress = 'broken';
      // The router's own is told as it is; a model server's may name hosts and accounts.
      return event(
        isErrorCode(error['code']) ? { error } : errorBody(apiError('upstream_failed', 'the answer broke off')),
      );
    }
    this.#usage = usage ?? this.#usage;
    const delta = choices?.[0]?.delta?.content ?? '';
    if (delta === '') return '';
    this.#text.push(delta);
    this.#characters += delta.length;
    if (this.#characters > MAX_HISTORY_BYTES) {
      throw apiError('upstream_invalid_response', 'the model server answered at too great length');
    }
    return event({ delta });
  }

  #break(error: unknown): void {
    this.#progress = 'broken';
    this.#outer.write(Buffer.from(event(errorBody(asApiError(error)))));
    this.#outer.abort();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const listener of this.#closeListeners) listener();
  }
}

function event(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}
