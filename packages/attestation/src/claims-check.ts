import { equalBytes, type VerificationFailure } from '@sotto/protocol';
import type { Claims } from './claims.ts';
import type { VerificationTime } from './x509/chain.ts';

/** What the caller knows of the router it talks to. */
export interface ClaimsExpectation {
  /** Origin of the router, as the caller's configuration names it: `https://router.example`. */
  readonly expectedOrigin: string;
  /** The key config about to be used, where it was fetched elsewhere than from the claims. */
  readonly expectedKeyConfig?: Uint8Array | undefined;
  /** Name of the key about to be used. */
  readonly expectedKeyId?: string | undefined;
}

/** What of verified claims does not fit the router, the key and the time. */
export function checkClaims(
  claims: Claims,
  { expectedOrigin, expectedKeyConfig, expectedKeyId }: ClaimsExpectation,
  { now, clockSkewMs }: VerificationTime,
): readonly VerificationFailure[] {
  const failures: VerificationFailure[] = [];
  const fail = (step: string, code: VerificationFailure['code'], message: string) =>
    failures.push({ step, code, message });
  if (claims.aud !== expectedOrigin) fail('claims.aud', 'audience_mismatch', 'the evidence is of another router');
  if (now < claims.iat * 1_000 - clockSkewMs) {
    fail('claims.iat', 'claims_not_yet_valid', 'the claims were issued in the future; check the clock');
  }
  if (now > claims.exp * 1_000 + clockSkewMs) fail('claims.exp', 'claims_expired', 'the claims have expired');
  if (expectedKeyId !== undefined && claims.kid !== expectedKeyId) {
    fail('claims.kid', 'key_mismatch', 'the evidence is of a key of another name');
  }
  if (expectedKeyConfig !== undefined && !equalBytes(claims.keyConfig, expectedKeyConfig)) {
    fail('claims.keyConfig', 'key_mismatch', 'the evidence is of another key config than the one about to be used');
  }
  return failures;
}
