import { decodeUtf8 } from '@sotto/protocol';

/** What a CBOR item of an attestation document is. */
export type CborValue = number | string | Uint8Array | null | readonly CborValue[] | CborMap;

/** A map whose keys are integers or text, each once. */
export type CborMap = ReadonlyMap<number | string, CborValue>;

const MAX_DEPTH = 4; // a document has three: map, map of registers, register
const MAX_ITEMS = 256;
const MAJOR = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5 } as const; // RFC 8949 §3.1
const NULL = 0xf6;
const INDEFINITE_MAP = 0xbf;
const BREAK = 0xff;

/**
 * Reads one CBOR item that fills `bytes`: integers and lengths in their shortest form, no tags, no floats, no key
 * twice. Of indefinite lengths only a map's is taken, as AWS's security module writes its documents so.
 * Throws `RangeError`.
 */
export function readCbor(bytes: Uint8Array): CborValue {
  const reader = new CborReader(bytes);
  const value = reader.item(0);
  reader.end();
  return value;
}

class CborReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  item(depth: number): CborValue {
    if (depth > MAX_DEPTH) throw new RangeError('CBOR is nested too deeply');
    const initial = this.#byte();
    if (initial === NULL) return null;
    if (initial === INDEFINITE_MAP) return this.#map(null, depth);
    const argument = this.#argument(initial & 0x1f);
    switch (initial >> 5) {
      case MAJOR.unsigned:
        return argument;
      case MAJOR.negative:
        return -1 - argument;
      case MAJOR.bytes:
        return this.#take(argument);
      case MAJOR.text:
        return this.#text(argument);
      case MAJOR.array:
        return this.#array(argument, depth);
      case MAJOR.map:
        return this.#map(argument, depth);
      default:
        throw new RangeError('CBOR item is of a kind that is not taken');
    }
  }

  end(): void {
    if (this.#offset !== this.#bytes.length) throw new RangeError('bytes after the CBOR item');
  }

  #array(count: number, depth: number): readonly CborValue[] {
    if (count > MAX_ITEMS) throw new RangeError('CBOR array is too long');
    return Array.from({ length: count }, () => this.item(depth + 1));
  }

  #map(count: number | null, depth: number): CborMap {
    const map = new Map<number | string, CborValue>();
    while (count === null ? !this.#atBreak() : map.size < count) {
      if (map.size >= MAX_ITEMS) throw new RangeError('CBOR map is too long');
      const key = this.item(depth + 1);
      if (typeof key !== 'number' && typeof key !== 'string') throw new RangeError('CBOR map has another kind of key');
      if (map.has(key)) throw new RangeError('CBOR map has a key twice');
      map.set(key, this.item(depth + 1));
    }
    return map;
  }

  #atBreak(): boolean {
    if (this.#bytes[this.#offset] !== BREAK) return false;
    this.#offset++;
    return true;
  }

  #text(length: number): string {
    const text = decodeUtf8(this.#take(length));
    if (text === null) throw new RangeError('CBOR text is not UTF-8');
    return text;
  }

  #byte(): number {
    const byte = this.#bytes[this.#offset++];
    if (byte === undefined) throw new RangeError('CBOR ends early');
    return byte;
  }

  #take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#offset) throw new RangeError('CBOR item runs past its end');
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }

  /** The number after the initial byte (RFC 8949 §3), in its shortest form (§4.2.1). */
  #argument(info: number): number {
    if (info < 24) return info;
    if (info > 27) throw new RangeError('CBOR length is indefinite or reserved');
    const size = 2 ** (info - 24);
    const argument = this.#take(size).reduce((value, byte) => value * 256 + byte, 0);
    const least = size === 1 ? 24 : 256 ** (size / 2);
    if (argument < least || argument > Number.MAX_SAFE_INTEGER)
      throw new RangeError('CBOR number is not minimal, or too large');
    return argument;
  }
}
