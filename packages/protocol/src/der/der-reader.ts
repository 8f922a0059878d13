/** Tags of X.690 that RSA keys, certificates and CRLs are made of. */
export const DER_TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One element of DER: `encoded` is the whole of it, `contents` what its length covers. Both are views. */
export interface DerElement {
  readonly tag: number;
  readonly contents: Uint8Array;
  readonly encoded: Uint8Array;
}

/**
 * A cursor over DER (X.690 §10): definite lengths in their shortest form, single-byte tags. Every method throws a
 * `RangeError` on anything else; callers turn that into their own error.
 */
export class DerReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The tag of the next element. @returns null at the end */
  peek(): number | null {
    return this.#bytes[this.#offset] ?? null;
  }

  /** Takes the next element, whatever its tag. */
  next(): DerElement {
    const first = this.#offset;
    const tag = this.#byte();
    if ((tag & 0x1f) === 0x1f) throw new RangeError('DER tag has more than one byte');
    const length = this.#length();
    const start = this.#offset;
    if (length > this.#bytes.length - start) throw new RangeError('DER element runs past its end');
    this.#offset = start + length;
    return {
      tag,
      contents: this.#bytes.subarray(start, this.#offset),
      encoded: this.#bytes.subarray(first, this.#offset),
    };
  }

  /** Takes the next element, which must have this tag. */
  element(tag: number): DerElement {
    if (this.peek() !== tag) throw new RangeError('unexpected DER tag');
    return this.next();
  }

  /** {@link DerReader.element}. @returns its contents */
  read(tag: number): Uint8Array {
    return this.element(tag).contents;
  }

  /** Takes the next element if it has this tag. @returns its contents, or null where there is none */
  optional(tag: number): Uint8Array | null {
    return this.peek() === tag ? this.next().contents : null;
  }

  /** Enters the next element, a SEQUENCE. */
  sequence(): DerReader {
    return new DerReader(this.read(DER_TAG.sequence));
  }

  /** Takes elements to the end. */
  *rest(): Generator<DerElement> {
    while (this.#offset < this.#bytes.length) yield this.next();
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
    // Three length bytes hold 16 MiB: no key, certificate or CRL that is taken anywhere is longer. Zero is BER's indefinite form.
    if (count === 0 || count > 3) throw new RangeError('DER length out of range');
    let length = 0;
    for (let index = 0; index < count; index++) length = length * 256 + this.#byte();
    // X.690 §10.1: the shortest form only.
    if (length < 0x80 || length < 256 ** (count - 1)) throw new RangeError('DER length is not minimal');
    return length;
  }
}
