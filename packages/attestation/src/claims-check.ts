import { equalBytes, type VerificationFailure } from '@sotto/protocol';
import type { EvidenceType } from './bundle.ts';
import type { BoundClaims } from './claims.ts';
import type { VerificationTime } from './x509/chain.ts';

/** What the caller knows of the router it talks to. */
export interface ClaimsExpectation {
  /** Origin of the router, as the caller's configuration names it: `https://router.example`. */
  readonly expectedOrigin: string;
  /** The key configs about to be used, where they were fetched elsewhere than from the claims. */
  readonly expectedKeyConfigs?: Uint8Array | undefined;
  /** Name of the keys about to be used. */
  readonly expectedKid?: string | undefined;
}

/** What of verified claims does not fit the evidence, the router, the keys and the time. */
export function checkClaims(
  claims: BoundClaims,
  type: EvidenceType,
  { expectedOrigin, expectedKeyConfigs, expectedKid }: ClaimsExpectation,
  { now, clockSkewMs }: VerificationTime,
): readonly VerificationFailure[] {
  const failures: VerificationFailure[] = [];
  const fail = (step: string, code: VerificationFailure['code'], message: string) =>
    failures.push({ step, code, message });
  // Whoever reads the claims without the evidence must see it too; and hardware never speaks for such claims.
  if ((claims.insecure === true) !== (type === 'software')) {
    fail('claims.insecure', 'claims_invalid', 'claims say insecure when, and only when, software makes the evidence');
  }
  if (claims.origin !== expectedOrigin) fail('claims.aud', 'audience_mismatch', 'the evidence is of another router');
  if (now < claims.issuedAt * 1_000 - clockSkewMs) {
    fail('claims.iat', 'claims_not_yet_valid', 'the claims were issued in the future; check the clock');
  }
  if (now > claims.expiresAt * 1_000 + clockSkewMs) fail('claims.exp', 'claims_expired', 'the claims have expired');
  if (expectedKid !== undefined && claims.kid !== expectedKid) {
    fail('claims.kid', 'key_mismatch', 'the evidence is of keys of another name');
  }
  if (expectedKeyConfigs !== undefined && !equalBytes(claims.keyConfigs, expectedKeyConfigs)) {
    fail('claims.keyConfig', 'key_mismatch', 'the evidence is of other key configs than those about to be used');
  }
  return failures;
}
