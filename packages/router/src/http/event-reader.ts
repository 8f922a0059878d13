import { Buffer } from 'node:buffer';
import { apiError } from '@sotto/protocol';

const LF = 0x0a;
const CR = 0x0d;
const BYTE_ORDER_MARK = '\uFEFF';

/** Reads the data of server-sent events (HTML §9.2.6) out of chunks cut anywhere. */
export class EventReader {
  readonly #maxBytes: number;
  #line: Buffer[] = [];
  #lineBytes = 0;
  #data: string[] = [];
  #dataBytes = 0;
  #afterCr = false;
  #isFirstLine = true;

  /** @param maxBytes longest event that is kept, in its lines of data */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes the next bytes, and tells the data of each event that ended in them; its other fields are not looked at.
   * @throws ServerError `upstream_invalid_response` for an event that is too long, once those before it are told
   */
  *read(chunk: Uint8Array): Generator<string, void, undefined> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    while (start < bytes.length) {
      // The second half of CR LF ends no line of its own.
      if (this.#afterCr && bytes[start] === LF) start++;
      this.#afterCr = false;
      const end = endOfLine(bytes, start);
      this.#keep(bytes.subarray(start, end));
      if (end === bytes.length) break;
      this.#afterCr = bytes[end] === CR;
      const event = this.#endLine();
      if (event !== null) yield event;
      start = end + 1;
    }
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    this.#lineBytes += part.length;
    if (this.#lineBytes + this.#dataBytes > this.#maxBytes) {
      throw apiError('upstream_invalid_response', 'the model server sent an event of too great length');
    }
    this.#line.push(part);
  }

  /** @returns the event's data where the line was the blank one behind it */
  #endLine(): string | null {
    const [only] = this.#line;
    const line = this.#line.length === 1 && only !== undefined ? only : Buffer.concat(this.#line, this.#lineBytes);
    this.#line = [];
    this.#lineBytes = 0;
    if (line.length > 0) {
      this.#field(line);
      return null;
    }
    this.#isFirstLine = false;
    if (this.#data.length === 0) return null;
    const data = this.#data.join('\n');
    this.#data = [];
    this.#dataBytes = 0;
    return data;
  }

  #field(bytes: Buffer): void {
    const text = bytes.toString('utf8');
    const line = this.#isFirstLine && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
    this.#isFirstLine = false;
    if (line !== 'data' && !line.startsWith('data:')) return;
    const value = line.slice('data:'.length);
    this.#data.push(value.startsWith(' ') ? value.slice(1) : value);
    this.#dataBytes += bytes.length;
  }
}

function endOfLine(bytes: Buffer, start: number): number {
  for (let at = start; at < bytes.length; at++) {
    if (bytes[at] === LF || bytes[at] === CR) return at;
  }
  return bytes.length;
}
