import { decodeVarint, varintLength } from './varint.ts';

/** Segments shorter than this are gathered, so that a body sent byte by byte does not cost an object a byte. */
const SMALL_SEGMENT_BYTES = 256;
const GATHER_BYTES = 4_096;

/**
 * Bytes in the order they came, kept as the segments they came in: nothing is joined until a reader asks for a piece
 * that spans two of them, and then only that piece is.
 *
 * Segments of 256 bytes and more are kept, not copied: who pushes one must not write to it afterwards.
 */
export class ByteQueue {
  #segments: Uint8Array[] = [];
  /** Index of the first segment not yet consumed, and the offset of its first byte not yet consumed. */
  #first = 0;
  #offset = 0;
  #length = 0;
  /** The gathering buffer that the last segment is a view of, and how much of it is used. */
  #gather: Uint8Array | null = null;
  #gathered = 0;

  /** Bytes waiting. */
  get length(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#length += bytes.length;
    if (bytes.length >= SMALL_SEGMENT_BYTES) {
      this.#gather = null;
      this.#segments.push(bytes);
      return;
    }
    if (this.#gather === null || this.#gathered + bytes.length > GATHER_BYTES) {
      this.#gather = new Uint8Array(GATHER_BYTES);
      this.#gather.set(bytes);
      this.#gathered = bytes.length;
      this.#segments.push(this.#gather.subarray(0, this.#gathered));
      return;
    }
    const last = this.#segments.length - 1;
    const start = this.#segments[last]?.byteOffset ?? 0;
    this.#gather.set(bytes, this.#gathered);
    this.#gathered += bytes.length;
    this.#segments[last] = this.#gather.subarray(start, this.#gathered);
  }

  /** The next byte without consuming it, or null where none waits. */
  peek(): number | null {
    return this.#segments[this.#first]?.[this.#offset] ?? null;
  }

  /** Consumes a variable-length integer (RFC 9000 §16). @returns null, consuming nothing, where it is not yet whole */
  takeVarint(): number | null {
    const firstByte = this.peek();
    if (firstByte === null) return null;
    const length = varintLength(firstByte);
    return this.#length < length ? null : decodeVarint(this.take(length));
  }

  /**
   * Consumes `length` bytes, which must be waiting.
   * @returns a view of the segment that holds them all, or else a copy
   */
  take(length: number): Uint8Array {
    if (length > this.#length) throw new RangeError('more bytes asked for than wait');
    const segment = this.#segments[this.#first];
    if (segment !== undefined && segment.length - this.#offset > length) {
      const start = this.#offset;
      this.#offset += length;
      this.#length -= length;
      return segment.subarray(start, start + length);
    }
    const joined = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const piece = this.takeSome(length - filled);
      if (filled === 0 && piece.length === length) return piece;
      joined.set(piece, filled);
      filled += piece.length;
    }
    return joined;
  }

  /** Consumes at most `limit` bytes, as many as one segment holds, without copying. */
  takeSome(limit: number): Uint8Array {
    const segment = this.#segments[this.#first];
    if (segment === undefined) return new Uint8Array(0);
    const end = Math.min(segment.length, this.#offset + limit);
    const piece = segment.subarray(this.#offset, end);
    this.#length -= piece.length;
    this.#offset = end;
    if (end === segment.length) this.#dropFirst();
    return piece;
  }

  #dropFirst(): void {
    this.#first++;
    this.#offset = 0;
    // A segment that has been handed out must not grow: its place in the list is gone.
    if (this.#first === this.#segments.length) {
      this.#segments = [];
      this.#first = 0;
      this.#gather = null;
    } else if (this.#first >= 64) {
      this.#segments.splice(0, this.#first);
      this.#first = 0;
    }
  }
}
