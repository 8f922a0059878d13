import { apiError } from '@sotto/protocol';

/** Reads server-sent events out of a stream of bytes that may be split anywhere (HTML §9.2.6). */
export class EventReader {
  readonly #onData: (data: string) => void;
  readonly #maxCharacters: number;
  readonly #decoder = new TextDecoder();
  #line = '';
  /** The event's data so far; null before its first `data` field. */
  #data: string | null = null;
  #afterReturn = false;

  /**
   * @param onData told of each event's data; its other fields are not looked at
   * @param maxCharacters longest event
   */
  constructor(onData: (data: string) => void, maxCharacters: number) {
    this.#onData = onData;
    this.#maxCharacters = maxCharacters;
  }

  /** @throws ServerError `upstream_invalid_response` where an event is too long */
  push(chunk: Uint8Array): void {
    const text = this.#decoder.decode(chunk, { stream: true });
    if (text === '') return;
    let start = this.#afterReturn && text.startsWith('\n') ? 1 : 0;
    this.#afterReturn = text.endsWith('\r');
    const lineEnd = /\r\n|\n|\r/g;
    lineEnd.lastIndex = start;
    for (let end = lineEnd.exec(text); end !== null; end = lineEnd.exec(text)) {
      const line = this.#line + text.slice(start, end.index);
      this.#line = '';
      start = lineEnd.lastIndex;
      this.#read(line);
    }
    this.#line += text.slice(start);
    this.#checkLength();
  }

  #read(line: string): void {
    if (line === '') {
      const data = this.#data;
      this.#data = null;
      if (data !== null) this.#onData(data);
    } else if (line === 'data' || line.startsWith('data:')) {
      const value = line.slice(line.startsWith('data: ') ? 6 : 5);
      this.#data = this.#data === null ? value : `${this.#data}\n${value}`;
      this.#checkLength();
    }
  }

  #checkLength(): void {
    if (this.#line.length + (this.#data?.length ?? 0) > this.#maxCharacters) {
      throw apiError('upstream_invalid_response', 'the model server sent an event of too great length');
    }
  }
}
