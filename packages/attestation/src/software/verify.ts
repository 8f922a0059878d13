import { concatBytes, encodeHex, encodeUtf8 } from '@sotto/protocol';
import { sha2 } from '../digest.ts';
import { attestationError, parsing } from '../verification-error.ts';
import { parsePublicKey, verifySignature } from '../x509/public-key.ts';

/** What software evidence has to carry, so that nobody takes it for more than it is. */
export const SOFTWARE_WARNING = 'INSECURE-NOT-HARDWARE';
const LABEL = 'sotto/attestation/software/v1';

/** Evidence that a process made by itself, as bytes: it runs the same code path, and proves nothing. */
export interface SoftwareEvidence {
  /** SubjectPublicKeyInfo of a P-256 key, DER. */
  readonly publicKey: Uint8Array;
  /** r ‖ s over {@link softwareSignedBytes}. */
  readonly signature: Uint8Array;
  /** 64 bytes. */
  readonly reportData: Uint8Array;
}

/** Software evidence whose signature verifies: by whoever made the key, which may be anybody. */
export interface VerifiedSoftware {
  readonly type: 'software';
  readonly reportData: Uint8Array;
  /** SHA-256 of the public key, lower-case hexadecimal. */
  readonly keyFingerprint: string;
  readonly validUntil: number;
}

/** What a software attester signs: label ‖ 0x00 ‖ report data. */
export function softwareSignedBytes(reportData: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes(encodeUtf8(LABEL), Uint8Array.of(0), reportData);
}

/**
 * Verifies the signature of software evidence.
 * @throws AttestationError `evidence_malformed`, `signature_invalid`
 */
export async function verifySoftware({
  publicKey,
  signature,
  reportData,
}: SoftwareEvidence): Promise<VerifiedSoftware> {
  const key = parsing('parse.public-key', 'evidence_malformed', 'the public key', () => parsePublicKey(publicKey));
  if (!(await verifySignature(key, 'ecdsa-p256-sha256', signature, softwareSignedBytes(reportData)))) {
    throw attestationError(
      'crypto.signature',
      'signature_invalid',
      'the signature of the software evidence does not verify',
    );
  }
  const keyFingerprint = encodeHex(await sha2('SHA-256', publicKey));
  return { type: 'software', reportData, keyFingerprint, validUntil: Number.POSITIVE_INFINITY };
}
