/** A cursor over a fixed binary layout, little-endian as AMD and Intel write it. Throws `RangeError` at the end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** How many bytes have been taken. */
  get offset(): number {
    return this.#offset;
  }

  /** Takes `length` bytes. @returns a view */
  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#offset) throw new RangeError('the structure ends early');
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }

  uint8(): number {
    this.take(1);
    return this.#view.getUint8(this.#offset - 1);
  }

  uint16(): number {
    this.take(2);
    return this.#view.getUint16(this.#offset - 2, true);
  }

  uint32(): number {
    this.take(4);
    return this.#view.getUint32(this.#offset - 4, true);
  }

  uint64(): bigint {
    this.take(8);
    return this.#view.getBigUint64(this.#offset - 8, true);
  }

  /** Takes `length` bytes that a specification reserves: each must be zero. */
  reserved(length: number): void {
    if (!isZero(this.take(length))) throw new RangeError('reserved bytes are not zero');
  }

  /** Takes what is left. @returns a view */
  rest(): Uint8Array {
    return this.take(this.#bytes.length - this.#offset);
  }

  /** Refuses trailing bytes. */
  end(): void {
    if (this.#offset !== this.#bytes.length) throw new RangeError('bytes after the end of the structure');
  }
}

/** Whether all bytes are zero. */
export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
