import { decodeUtf8 } from '@sotto/protocol';
import { DER_TAG, type DerElement, unsignedInteger } from '@sotto/protocol/der';

/** A non-negative INTEGER below 2^32. */
export function derNumber(contents: Uint8Array): number {
  const magnitude = unsignedInteger(contents);
  if (magnitude.length > 4) throw new RangeError('DER integer is too large');
  return magnitude.reduce((value, byte) => value * 256 + byte, 0);
}

/** A BOOLEAN in its only DER spelling (X.690 §11.1). */
export function derBoolean(contents: Uint8Array): boolean {
  const [value] = contents;
  if (contents.length !== 1 || (value !== 0 && value !== 0xff)) throw new RangeError('DER boolean is not 00 or FF');
  return value === 0xff;
}

/** A BIT STRING of whole bytes. */
export function derBits(contents: Uint8Array): Uint8Array {
  if (contents[0] !== 0) throw new RangeError('DER bit string has unused bits');
  return contents.subarray(1);
}

/**
 * Which bits of a named-bit BIT STRING are set. X.690 §11.2.2 wants trailing zero bits gone; AMD's certificates keep
 * them, so that much is borne with.
 */
export function derNamedBits(contents: Uint8Array): ReadonlySet<number> {
  const unused = contents[0];
  const last = contents.at(-1);
  if (unused === undefined || unused > 7 || contents.length < 2 || last === undefined) {
    throw new RangeError('DER named bits are empty');
  }
  if ((last & (2 ** unused - 1)) !== 0) throw new RangeError('DER named bits have unused bits set');
  const bits = new Set<number>();
  contents.subarray(1).forEach((byte, index) => {
    for (let bit = 0; bit < 8; bit++) if ((byte & (0x80 >> bit)) !== 0) bits.add(index * 8 + bit);
  });
  return bits;
}

/** An OBJECT IDENTIFIER in dotted decimal (X.690 §8.19: no padded arc). */
export function derOid(contents: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  let inside = false;
  for (const byte of contents) {
    if (!inside && byte === 0x80) throw new RangeError('DER object identifier is not minimal');
    arc = arc * 128 + (byte & 0x7f);
    if (arc > 0xffffffff) throw new RangeError('DER object identifier is too large');
    inside = byte >= 0x80;
    if (!inside) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [first, ...others] = arcs;
  if (inside || first === undefined) throw new RangeError('DER object identifier ends early');
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...others].join('.');
}

/**
 * A Time, milliseconds since 1970 (RFC 5280 §4.1.2.5): seconds always given, always Z, UTCTime to the end of 2049
 * and GeneralizedTime after it.
 */
export function derTime({ tag, contents }: DerElement): number {
  const text = decodeUtf8(contents) ?? '';
  const form = tag === DER_TAG.utcTime ? /^(\d\d)(\d{10})Z$/ : /^(\d{4})(\d{10})Z$/;
  const match = tag === DER_TAG.utcTime || tag === DER_TAG.generalizedTime ? form.exec(text) : null;
  if (match === null) throw new RangeError('DER time is malformed');
  const [, digits = '', rest = ''] = match;
  let year = Number(digits);
  if (tag === DER_TAG.utcTime) year += year < 50 ? 2000 : 1900;
  else if (year < 2050) throw new RangeError('DER time before 2050 is not a UTCTime');
  const [month = '', day = '', hour = '', minute = '', second = ''] = rest.match(/../g) ?? [];
  const iso = `${String(year).padStart(4, '0')}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const time = Date.parse(iso);
  // Date.parse carries 31 April over to May in some engines: only a time that prints as it was read is one.
  if (Number.isNaN(time) || new Date(time).toISOString() !== iso) throw new RangeError('DER time is no time');
  return time;
}

/** Text of a UTF8String, PrintableString or IA5String. */
export function derText({ tag, contents }: DerElement): string {
  const text = decodeUtf8(contents);
  const isText = tag === DER_TAG.utf8String || tag === DER_TAG.printableString || tag === DER_TAG.ia5String;
  if (!isText || text === null) throw new RangeError('DER text is malformed');
  return text;
}
