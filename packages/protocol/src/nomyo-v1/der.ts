/** Tags of X.690 that RSA keys are made of. */
export const DER_TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  sequence: 0x30,
} as const;

/**
 * A cursor over DER (X.690 §10): definite lengths in their shortest form only. Every method throws a plain
 * `RangeError` on anything else; callers turn that into their own error.
 */
export class DerReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Takes the next element, which must have this tag. @returns its contents, a view */
  read(tag: number): Uint8Array {
    if (this.#byte() !== tag) throw new RangeError('unexpected DER tag');
    const length = this.#length();
    const start = this.#offset;
    if (length > this.#bytes.length - start) throw new RangeError('DER element runs past its end');
    this.#offset = start + length;
    return this.#bytes.subarray(start, this.#offset);
  }

  /** The tag of the next element, for the optional ones. @returns null at the end */
  peek(): number | null {
    return this.#bytes[this.#offset] ?? null;
  }

  /** Refuses trailing bytes. */
  end(): void {
    if (this.#offset !== this.#bytes.length) throw new RangeError('bytes after the last DER element');
  }

  #byte(): number {
    const byte = this.#bytes[this.#offset++];
    if (byte === undefined) throw new RangeError('DER ends early');
    return byte;
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    // Two length bytes hold 65,535: no key that is taken here is longer. Zero is BER's indefinite form.
    if (count === 0 || count > 2) throw new RangeError('DER length out of range');
    let length = 0;
    for (let index = 0; index < count; index++) length = (length << 8) | this.#byte();
    if (length < 0x80 || (count === 2 && length < 0x100)) throw new RangeError('DER length is not minimal');
    return length;
  }
}

/** The magnitude of a non-negative DER INTEGER (X.690 §8.3), without its sign byte. */
export function unsignedInteger(contents: Uint8Array): Uint8Array {
  const [first, second] = contents;
  if (first === undefined || first >= 0x80) throw new RangeError('DER integer is empty or negative');
  if (first === 0 && second !== undefined) {
    if (second < 0x80) throw new RangeError('DER integer is not minimal');
    return contents.subarray(1);
  }
  return contents;
}
