import { encodeHex, equalBytes } from '@sotto/protocol';
import { DER_TAG, DerReader, unsignedInteger } from '@sotto/protocol/der';
import { derBits, derNumber, derOid, derText, derTime } from '../der/der-values.ts';
import { type Extensions, type KeyConstraints, parseExtensions, parseKeyConstraints } from './extensions.ts';
import { ecdsaSignature, type PublicKey, parsePublicKey } from './public-key.ts';
import { parseSignatureAlgorithm, type SignatureAlgorithm } from './signature-algorithm.ts';

/** The longest certificate that is read; vendors' have at most 1.7 KiB. */
export const MAX_CERTIFICATE_BYTES = 8_192;
const COMMON_NAME_OID = '2.5.4.3';
const VERSION_TAG = 0xa0;
const EXTENSIONS_TAG = 0xa3;

/** An X.509 v3 certificate (RFC 5280 §4.1), parsed; nothing is verified yet. Byte strings are views of `der`. */
export interface Certificate extends KeyConstraints {
  readonly der: Uint8Array;
  /** What the signature covers. */
  readonly signed: Uint8Array;
  /** Magnitude of the serial number, hexadecimal. */
  readonly serial: string;
  /** Names, DER: they are compared byte for byte. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: PublicKey;
  readonly extensions: Extensions;
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** For ECDSA r ‖ s. */
  readonly signature: Uint8Array;
}

/** Reads a certificate, DER, strictly. Throws `RangeError`. */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.length > MAX_CERTIFICATE_BYTES) throw new RangeError('certificate is too long');
  const { signed, body, signatureAlgorithm, signature } = parseSigned(der);

  const version = new DerReader(body.read(VERSION_TAG));
  if (derNumber(version.read(DER_TAG.integer)) !== 2) throw new RangeError('certificate is not X.509 v3');
  version.end();
  // AMD's leaves have serial number 0, which RFC 5280 §4.1.2.2 asks readers to bear with.
  const serial = encodeHex(unsignedInteger(body.read(DER_TAG.integer)));
  checkSameAlgorithm(body.element(DER_TAG.sequence).encoded, der);
  const issuer = body.element(DER_TAG.sequence).encoded;
  const validity = body.sequence();
  const notBefore = derTime(validity.next());
  const notAfter = derTime(validity.next());
  validity.end();
  const subject = body.element(DER_TAG.sequence).encoded;
  const publicKey = parsePublicKey(body.element(DER_TAG.sequence).encoded);
  const extensions = parseExtensions(body.read(EXTENSIONS_TAG));
  body.end();

  return {
    der,
    signed,
    serial,
    issuer,
    subject,
    notBefore,
    notAfter,
    publicKey,
    extensions,
    ...parseKeyConstraints(extensions),
    signatureAlgorithm,
    signature,
  };
}

/** The three parts that certificates and CRLs are alike in (RFC 5280 §4.1.1, §5.1.1). */
export function parseSigned(der: Uint8Array): {
  readonly signed: Uint8Array;
  readonly body: DerReader;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
} {
  const outer = new DerReader(der);
  const reader = outer.sequence();
  outer.end();
  const tbs = reader.element(DER_TAG.sequence);
  const signatureAlgorithm = parseSignatureAlgorithm(reader.element(DER_TAG.sequence).encoded);
  const bits = derBits(reader.read(DER_TAG.bitString));
  reader.end();
  const signature = signatureAlgorithm === 'rsa-pss-sha384' ? bits : ecdsaSignature(bits, signatureAlgorithm);
  return { signed: tbs.encoded, body: new DerReader(tbs.contents), signatureAlgorithm, signature };
}

/** RFC 5280 §4.1.1.2: the algorithm outside the signed part, which anybody could change, is the one inside. */
export function checkSameAlgorithm(inside: Uint8Array, der: Uint8Array): void {
  const reader = new DerReader(der).sequence();
  reader.next();
  if (!equalBytes(inside, reader.next().encoded)) throw new RangeError('signature algorithms differ');
}

/** The one commonName of a Name, DER. Throws `RangeError` where there is none or more than one. */
export function commonName(name: Uint8Array): string {
  const names: string[] = [];
  for (const { contents: set } of new DerReader(name).sequence().rest()) {
    for (const { contents } of new DerReader(set).rest()) {
      const attribute = new DerReader(contents);
      const oid = derOid(attribute.read(DER_TAG.oid));
      const value = attribute.next();
      if (oid === COMMON_NAME_OID) names.push(derText(value));
    }
  }
  const [only] = names;
  if (only === undefined || names.length !== 1) throw new RangeError('name has not one commonName');
  return only;
}
