import type { VerificationFailure } from '@sotto/protocol';
import type { BoundClaims } from '../claims.ts';
import type { VerifiedEvidence } from '../evidence.ts';
import type { VerificationTime } from '../x509/chain.ts';
import type { AttestationPolicy } from './policy.ts';

/**
 * Refuses evidence that is older than the policy allows. An answered challenge is fresh whenever its claims were
 * issued; a Nitro document says itself when it was made.
 */
export function checkFreshness(
  evidence: VerifiedEvidence,
  claims: BoundClaims,
  answersNonce: boolean,
  { maxAgeSeconds }: AttestationPolicy,
  { now, clockSkewMs }: VerificationTime,
): readonly VerificationFailure[] {
  const failures: VerificationFailure[] = [];
  const isStale = (madeAt: number) => now - madeAt > maxAgeSeconds * 1_000 + clockSkewMs;
  if (!answersNonce && isStale(claims.issuedAt * 1_000)) {
    failures.push({
      step: 'policy.maxAgeSeconds',
      code: 'evidence_stale',
      message: 'the claims are older than allowed',
    });
  }
  if (evidence.type === 'aws-nitro' && (isStale(evidence.timestamp) || evidence.timestamp > now + clockSkewMs)) {
    const message = 'the document is older than allowed, or of the future';
    failures.push({ step: 'policy.maxAgeSeconds', code: 'evidence_stale', message });
  }
  return failures;
}
