import { SecurityError } from '@sotto/protocol';

/** One event of a stream (HTML §9.2). */
export interface ServerSentEvent {
  /** `message` where the stream names none. */
  readonly type: string;
  /** Its `data` lines, joined by line feeds. */
  readonly data: string;
}

/** The longest event that is kept, in UTF-16 code units: longer than any answer a model writes. */
const MAX_EVENT_LENGTH = 16_777_216;
const LINE_END = /[\r\n]/g;

/**
 * Reads an event stream as its bytes come, split anywhere (HTML §9.2.6). What stands after the last empty line is no
 * event and is dropped, as the standard has it.
 */
export class ServerSentEventParser {
  // Takes a byte order mark off, and puts U+FFFD for what is no UTF-8, as the standard has it.
  readonly #decoder = new TextDecoder();
  #line = '';
  /** The last line ended with CR: an LF that comes next belongs to it. */
  #afterCarriageReturn = false;
  #type = '';
  #data: string[] = [];
  #dataLength = 0;

  /**
   * Takes the next bytes.
   * @returns the events that they complete
   * @throws SecurityError `invalid_response` for an event of more than 16 Mi characters
   */
  push(bytes: Uint8Array): readonly ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    const text = this.#decoder.decode(bytes, { stream: true });
    if (text === '') return events;
    let start = this.#afterCarriageReturn && text.startsWith('\n') ? 1 : 0;
    this.#afterCarriageReturn = text.endsWith('\r');
    for (let end = nextLineEnd(text, start); end >= 0; end = nextLineEnd(text, start)) {
      const line = this.#line + text.slice(start, end);
      this.#line = '';
      start = text.startsWith('\r\n', end) ? end + 2 : end + 1;
      const event = this.#takeLine(line);
      if (event !== null) events.push(event);
    }
    this.#line += text.slice(start);
    this.#checkLength(this.#line.length);
    return events;
  }

  #takeLine(line: string): ServerSentEvent | null {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    // A line that begins with a colon is a comment.
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line.startsWith(' ', colon + 1) ? colon + 2 : colon + 1);
    // The fields `id` and `retry` are for a client that reconnects, which nobody does in the middle of an answer.
    if (field === 'event') this.#type = value;
    if (field === 'data') {
      this.#data.push(value);
      this.#dataLength += value.length;
      this.#checkLength(0);
    }
    return null;
  }

  #dispatch(): ServerSentEvent | null {
    const type = this.#type === '' ? 'message' : this.#type;
    const event = this.#data.length === 0 ? null : { type, data: this.#data.join('\n') };
    this.#type = '';
    this.#data = [];
    this.#dataLength = 0;
    return event;
  }

  #checkLength(more: number): void {
    if (this.#dataLength + more <= MAX_EVENT_LENGTH) return;
    throw new SecurityError(`an event of the answer has more than ${MAX_EVENT_LENGTH} characters`, {
      code: 'invalid_response',
    });
  }
}

function nextLineEnd(text: string, from: number): number {
  LINE_END.lastIndex = from;
  return LINE_END.exec(text)?.index ?? -1;
}
