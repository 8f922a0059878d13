import { concatBytes, encodeUtf8 } from '@sotto/protocol';
import { DER_TAG } from '@sotto/protocol/der';

/** One DER element. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const body = concatBytes(...contents);
  const length: number[] = [];
  for (let rest = body.length; rest > 0; rest = Math.floor(rest / 256)) length.unshift(rest % 256);
  const head = body.length < 0x80 ? [tag, body.length] : [tag, 0x80 | length.length, ...length];
  return concatBytes(Uint8Array.from(head), body);
}

export function sequence(...contents: readonly Uint8Array[]): Uint8Array {
  return der(DER_TAG.sequence, ...contents);
}

/** An INTEGER of a magnitude, big-endian, or of a number below 2^32. */
export function integer(value: Uint8Array | number): Uint8Array {
  let magnitude: Uint8Array;
  if (typeof value === 'number') {
    magnitude = new Uint8Array(4);
    new DataView(magnitude.buffer, magnitude.byteOffset).setUint32(0, value);
  } else magnitude = value;
  const first = magnitude.findIndex((byte) => byte !== 0);
  const minimal = first === -1 ? Uint8Array.of(0) : magnitude.subarray(first);
  return der(DER_TAG.integer, (minimal[0] ?? 0) >= 0x80 ? concatBytes(Uint8Array.of(0), minimal) : minimal);
}

export function octetString(contents: Uint8Array): Uint8Array {
  return der(DER_TAG.octetString, contents);
}

/** A BIT STRING of whole bytes. */
export function bitString(contents: Uint8Array): Uint8Array {
  return der(DER_TAG.bitString, Uint8Array.of(0), contents);
}

/** A BIT STRING of named bits up to 7. */
export function namedBits(bits: readonly number[]): Uint8Array {
  const value = bits.reduce((byte, bit) => byte | (0x80 >> bit), 0);
  return der(DER_TAG.bitString, Uint8Array.of(bits.length === 0 ? 0 : 7 - Math.max(...bits), value));
}

/** An OBJECT IDENTIFIER, from dotted decimal. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...arcs] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...arcs].flatMap((arc) => {
    const septets = [arc % 128];
    for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) septets.unshift(128 + (rest % 128));
    return septets;
  });
  return der(DER_TAG.oid, Uint8Array.from(bytes));
}

/** A UTCTime before 2050, a GeneralizedTime after. */
export function time(milliseconds: number): Uint8Array {
  const digits = new Date(milliseconds).toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return new Date(milliseconds).getUTCFullYear() < 2050
    ? der(DER_TAG.utcTime, encodeUtf8(`${digits.slice(2)}Z`))
    : der(DER_TAG.generalizedTime, encodeUtf8(`${digits}Z`));
}

/** A Name of one commonName. */
export function nameOf(commonName: string): Uint8Array {
  const value = der(DER_TAG.utf8String, encodeUtf8(commonName));
  return sequence(der(DER_TAG.set, sequence(oid('2.5.4.3'), value)));
}
