import { Buffer } from 'node:buffer';
import { apiError } from '@sotto/protocol';

const LF = 0x0a;
const CR = 0x0d;

/** Longest event that is kept; those of the Messages API have a few hundred bytes. */
export const MAX_EVENT_BYTES = 1024 * 1024;

/** Reads the data of server-sent events (HTML standard, "Parsing an event stream") out of chunks cut anywhere. */
export class EventReader {
  #line: Buffer[] = [];
  #lineBytes = 0;
  #data: string[] = [];
  #dataBytes = 0;
  #afterCr = false;

  /**
   * Takes the next bytes.
   * @returns the data of each event that ended in them
   * @throws ServerError `upstream_invalid_response` for an event longer than {@link MAX_EVENT_BYTES}
   */
  read(chunk: Uint8Array): readonly string[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const events: string[] = [];
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
      if (event !== null) events.push(event);
      start = end + 1;
    }
    return events;
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    this.#lineBytes += part.length;
    if (this.#lineBytes + this.#dataBytes > MAX_EVENT_BYTES) {
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
      this.#field(line.toString('utf8'));
      return null;
    }
    if (this.#data.length === 0) return null;
    const data = this.#data.join('\n');
    this.#data = [];
    this.#dataBytes = 0;
    return data;
  }

  #field(line: string): void {
    // The event's type stands in its data too; ids and retry times mean nothing here.
    if (line !== 'data' && !line.startsWith('data:')) return;
    const value = line.slice('data:'.length);
    this.#data.push(value.startsWith(' ') ? value.slice(1) : value);
    this.#dataBytes += line.length;
  }
}

function endOfLine(bytes: Buffer, start: number): number {
  for (let at = start; at < bytes.length; at++) {
    if (bytes[at] === LF || bytes[at] === CR) return at;
  }
  return bytes.length;
}
