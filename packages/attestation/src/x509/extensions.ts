import { DER_TAG, DerReader } from '@sotto/protocol/der';
import { derBoolean, derNamedBits, derNumber, derOid } from '../der/der-values.ts';

/** An extension's value, the contents of its OCTET STRING. */
interface Extension {
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** Extensions by dotted object identifier. */
export type Extensions = ReadonlyMap<string, Extension>;

/** Bits of KeyUsage (RFC 5280 §4.2.1.3). */
export const KEY_USAGE = { digitalSignature: 0, keyCertSign: 5, crlSign: 6 } as const;

const KEY_USAGE_OID = '2.5.29.15';
const BASIC_CONSTRAINTS_OID = '2.5.29.19';

/** Reads Extensions (RFC 5280 §4.2), the SEQUENCE itself. Throws `RangeError`, also for one that occurs twice. */
export function parseExtensions(encoded: Uint8Array): Extensions {
  const extensions = new Map<string, Extension>();
  const outer = new DerReader(encoded);
  const reader = outer.sequence();
  outer.end();
  for (const { tag, contents } of reader.rest()) {
    if (tag !== DER_TAG.sequence) throw new RangeError('extension is no sequence');
    const extension = new DerReader(contents);
    const oid = derOid(extension.read(DER_TAG.oid));
    const critical = extension.optional(DER_TAG.boolean);
    // X.690 §11.5: FALSE is the default, and is left away.
    if (critical !== null && !derBoolean(critical)) throw new RangeError('extension writes out its default');
    const value = extension.read(DER_TAG.octetString);
    extension.end();
    if (extensions.has(oid)) throw new RangeError('extension occurs twice'); // RFC 5280 §4.2
    extensions.set(oid, { critical: critical !== null, value });
  }
  if (extensions.size === 0) throw new RangeError('extensions are empty');
  return extensions;
}

/** Refuses a critical extension other than those named (RFC 5280 §4.2: what is not understood must not pass). */
export function refuseUnknownCritical(extensions: Extensions, known: readonly string[]): void {
  for (const [oid, { critical }] of extensions) {
    if (critical && !known.includes(oid)) throw new RangeError('critical extension is not known');
  }
}

/** What a certificate's key may do. */
export interface KeyConstraints {
  readonly isCa: boolean;
  /** How many CA certificates may follow; null for any number. */
  readonly pathLength: number | null;
  /** Bits of {@link KEY_USAGE}; null where the certificate does not say. */
  readonly keyUsage: ReadonlySet<number> | null;
}

/** Reads basicConstraints and keyUsage, and refuses every other critical extension. */
export function parseKeyConstraints(extensions: Extensions): KeyConstraints {
  refuseUnknownCritical(extensions, [KEY_USAGE_OID, BASIC_CONSTRAINTS_OID]);
  const usage = extensions.get(KEY_USAGE_OID);
  return { ...basicConstraints(extensions.get(BASIC_CONSTRAINTS_OID)), keyUsage: usage ? keyUsage(usage) : null };
}

function basicConstraints(extension: Extension | undefined): { isCa: boolean; pathLength: number | null } {
  if (extension === undefined) return { isCa: false, pathLength: null };
  const outer = new DerReader(extension.value);
  const reader = outer.sequence();
  outer.end();
  const ca = reader.optional(DER_TAG.boolean);
  if (ca !== null && !derBoolean(ca)) throw new RangeError('basicConstraints writes out its default');
  const length = reader.optional(DER_TAG.integer);
  reader.end();
  if (length !== null && ca === null) throw new RangeError('path length without a CA'); // RFC 5280 §4.2.1.9
  return { isCa: ca !== null, pathLength: length === null ? null : derNumber(length) };
}

function keyUsage({ value }: Extension): ReadonlySet<number> {
  const reader = new DerReader(value);
  const bits = derNamedBits(reader.read(DER_TAG.bitString));
  reader.end();
  return bits;
}
