import { Buffer } from 'node:buffer';

const FINISH = Buffer.from('"finish_reason":');
const NULL = Buffer.from('null');
// With the line's start: inside a model's words it would stand within a JSON string, which holds no bare newline.
const DONE = Buffer.from('\ndata: [DONE]');
const DONE_TIGHT = Buffer.from('\ndata:[DONE]');
/** Longest of the texts looked for, and what may stand between `finish_reason` and its value. */
const CARRY_BYTES = 64;

/**
 * Watches a stream of server-sent events pass by, without parsing it, and tells at the end whether it was whole:
 * whether a choice was finished, and whether `[DONE]` came.
 */
export class EventStreamWatch {
  /** Whether `data: [DONE]` has passed. */
  done = false;
  /** Whether a `finish_reason` other than null has passed. */
  finished = false;
  #carry: Buffer = Buffer.from('\n');

  see(chunk: Uint8Array): void {
    const view = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    // A text may lie across two chunks: look at the end of the last one too.
    const seam = Buffer.concat([this.#carry, view.subarray(0, CARRY_BYTES)]);
    this.#look(seam);
    if (view.length > CARRY_BYTES) this.#look(view);
    this.#carry = Buffer.from(view.length >= CARRY_BYTES ? view.subarray(-CARRY_BYTES) : seam.subarray(-CARRY_BYTES));
  }

  #look(text: Buffer): void {
    if (!this.done) this.done = text.includes(DONE) || text.includes(DONE_TIGHT);
    for (let at = this.finished ? -1 : text.indexOf(FINISH); at >= 0; at = text.indexOf(FINISH, at + 1)) {
      let value = at + FINISH.length;
      while (text[value] === 0x20) value++;
      // Cut off right here: the carry brings it back with its value.
      if (value + NULL.length > text.length) return;
      if (!text.subarray(value, value + NULL.length).equals(NULL)) this.finished = true;
    }
  }
}
