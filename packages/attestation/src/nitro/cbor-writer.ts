import { concatBytes, encodeUtf8 } from '@sotto/protocol';
import type { CborValue } from './cbor-reader.ts';

/** Writes CBOR (RFC 8949 §4.2.1): shortest forms, definite lengths, maps in the order they are in. */
export function writeCbor(value: CborValue): Uint8Array {
  if (value === null) return Uint8Array.of(0xf6);
  if (typeof value === 'number') return value >= 0 ? head(0, value) : head(1, -1 - value);
  if (typeof value === 'string') return concatBytes(head(3, encodeUtf8(value).length), encodeUtf8(value));
  if (value instanceof Uint8Array) return concatBytes(head(2, value.length), value);
  if (isMap(value)) return concatBytes(head(5, value.size), ...[...value].flat().map(writeCbor));
  return concatBytes(head(4, value.length), ...value.map(writeCbor));
}

function isMap(value: object): value is ReadonlyMap<number | string, CborValue> {
  return value instanceof Map;
}

function head(major: number, argument: number): Uint8Array {
  const initial = major << 5;
  if (argument < 24) return Uint8Array.of(initial | argument);
  const size = [1, 2, 4, 8].find((bytes) => argument < 256 ** bytes) ?? 8;
  const bytes = new Uint8Array(1 + size);
  bytes[0] = initial | (24 + Math.log2(size));
  for (let index = size, rest = argument; index > 0; index--, rest = Math.floor(rest / 256)) bytes[index] = rest % 256;
  return bytes;
}
