import { encodeHex, equalBytes } from '@sotto/protocol';
import { DER_TAG, DerReader, unsignedInteger } from '@sotto/protocol/der';
import { derNumber, derTime } from '../der/der-values.ts';
import { attestationError, parsing } from '../verification-error.ts';
import { type Certificate, checkSameAlgorithm, parseSigned } from './certificate.ts';
import type { VerificationTime } from './chain.ts';
import { KEY_USAGE, parseExtensions, refuseUnknownCritical } from './extensions.ts';
import { verifySignature } from './public-key.ts';
import type { SignatureAlgorithm } from './signature-algorithm.ts';

/** The longest CRL that is read. */
export const MAX_CRL_BYTES = 65_536;
const EXTENSIONS_TAG = 0xa0;

/** A certificate revocation list (RFC 5280 §5.1), parsed; nothing is verified yet. */
export interface Crl {
  readonly signed: Uint8Array;
  readonly issuer: Uint8Array;
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** Serial numbers, hexadecimal. */
  readonly revoked: ReadonlySet<string>;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
}

/** Reads a CRL, DER, strictly: version 2, with nextUpdate, whole (not a delta). Throws `RangeError`. */
export function parseCrl(der: Uint8Array): Crl {
  if (der.length > MAX_CRL_BYTES) throw new RangeError('CRL is too long');
  const { signed, body, signatureAlgorithm, signature } = parseSigned(der);
  if (derNumber(body.read(DER_TAG.integer)) !== 1) throw new RangeError('CRL is not of version 2');
  checkSameAlgorithm(body.element(DER_TAG.sequence).encoded, der);
  const issuer = body.element(DER_TAG.sequence).encoded;
  const thisUpdate = derTime(body.next());
  const nextUpdate = derTime(body.next()); // RFC 5280 §5.1.2.5: conforming issuers always give it
  const revoked = new Set<string>();
  const entries = body.optional(DER_TAG.sequence);
  if (entries?.length === 0) throw new RangeError('CRL has an empty list'); // RFC 5280 §5.1.2.6: absent instead
  if (entries !== null) for (const { contents } of new DerReader(entries).rest()) revoked.add(revokedSerial(contents));
  const extensions = body.optional(EXTENSIONS_TAG);
  // A delta CRL or an issuing distribution point is critical, and would mean that the list is not whole.
  if (extensions !== null) refuseUnknownCritical(parseExtensions(extensions), []);
  body.end();
  return { signed, issuer, thisUpdate, nextUpdate, revoked, signatureAlgorithm, signature };
}

function revokedSerial(entry: Uint8Array): string {
  const reader = new DerReader(entry);
  const serial = encodeHex(unsignedInteger(reader.read(DER_TAG.integer)));
  derTime(reader.next());
  if (reader.peek() !== null) refuseUnknownCritical(parseExtensions(reader.element(DER_TAG.sequence).encoded), []);
  reader.end();
  return serial;
}

/**
 * Verifies a CRL of `issuer`, and that none of `certificates`, which `issuer` has issued, is on it.
 * @returns when the next one is due, milliseconds since 1970
 * @throws AttestationError `crl_invalid`, `crl_expired`, `cert_revoked`
 */
export async function verifyCrl(
  der: Uint8Array,
  issuer: Certificate,
  certificates: readonly Certificate[],
  { now, clockSkewMs }: VerificationTime,
  step: string,
): Promise<number> {
  const crl = parsing(step, 'crl_invalid', 'the revocation list', () => parseCrl(der));
  const maySign = issuer.isCa && (issuer.keyUsage?.has(KEY_USAGE.crlSign) ?? false);
  if (!maySign || !equalBytes(crl.issuer, issuer.subject)) {
    throw attestationError(step, 'crl_invalid', 'the revocation list is not of the issuer of the certificates');
  }
  const signed =
    crl.signatureAlgorithm === issuer.signatureAlgorithm &&
    (await verifySignature(issuer.publicKey, crl.signatureAlgorithm, crl.signature, crl.signed));
  if (!signed) throw attestationError(step, 'crl_invalid', 'the signature of the revocation list does not verify');
  if (now < crl.thisUpdate - clockSkewMs || now > crl.nextUpdate + clockSkewMs) {
    throw attestationError(step, 'crl_expired', 'the revocation list is not valid at this time');
  }
  if (certificates.some(({ serial }) => crl.revoked.has(serial))) {
    throw attestationError(step, 'cert_revoked', 'a certificate of the chain has been revoked');
  }
  return crl.nextUpdate;
}
