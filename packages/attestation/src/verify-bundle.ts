import { ConfigurationError, equalBytes, PolicyError, type VerificationFailure } from '@sotto/protocol';
import { type AttestationResult, attestationResult } from './attestation-result.ts';
import { computeReportData, NONCE_BYTES } from './binding.ts';
import { type Bundle, parseBundle } from './bundle.ts';
import { parseClaims } from './claims.ts';
import { type ClaimsExpectation, checkClaims } from './claims-check.ts';
import { readReportData, type VerifiedEvidence, verifiedReportData, verifyEvidence } from './evidence.ts';
import { checkPolicy, checkTypeAllowed } from './policy/check-policy.ts';
import { checkFreshness } from './policy/freshness.ts';
import { type AttestationPolicy, type AttestationPolicyInput, parsePolicy } from './policy/policy.ts';
import type { TrustRoots } from './roots.ts';
import { verificationContext } from './verification-context.ts';
import { attestationError, attestationErrorOf } from './verification-error.ts';

/** What {@link verifyBundle} takes beside the bundle and the policy. */
export interface VerifyBundleOptions extends ClaimsExpectation {
  /** The challenge that this evidence must answer, 32 bytes; without it the evidence must be static. */
  readonly nonce?: Uint8Array | undefined;
  /** The moment the evidence is judged at; now unless told. */
  readonly now?: Date | undefined;
  /** Other roots than the vendors', for tests against a synthetic PKI. */
  readonly roots?: TrustRoots | undefined;
}

/**
 * Verifies an evidence bundle as it was received: form, kind, binding to the claims, signatures and chains, policy,
 * claims, in this order. The first three and the cryptography stop at their first failure; those of policy and claims
 * are all collected.
 *
 * Encrypt to `keyConfigs` of the result, which the evidence commits to.
 * @throws AttestationError for bad evidence
 * @throws PolicyError for good evidence that the policy does not allow
 * @throws ConfigurationError `policy_empty`, `invalid_option`
 * @example
 * const { keyConfigs } = await verifyBundle(await response.text(), policy, { expectedOrigin: 'https://router.example' });
 */
export async function verifyBundle(
  received: string | Uint8Array,
  policy: AttestationPolicyInput,
  options: VerifyBundleOptions,
): Promise<AttestationResult> {
  const parsedPolicy = parsePolicy(policy);
  checkOptions(parsedPolicy, options);
  const verification = {
    now: options.now ?? new Date(),
    clockSkewMs: parsedPolicy.clockSkewSeconds * 1_000,
    ...(options.roots === undefined ? {} : { roots: options.roots }),
  };
  const time = verificationContext(verification);

  const bundle = parseBundle(received);
  checkTypeAllowed(bundle.evidence.type, parsedPolicy);
  checkNonce(bundle, options.nonce);
  const reportData = await computeReportData(bundle.claims, options.nonce);
  checkBinding(readReportData(bundle.evidence) ?? reportData, reportData);
  const evidence = await verifyEvidence(bundle.evidence, reportData, verification);
  // Once more, of what has been verified: that both are read from the same bytes is not left to chance.
  checkBinding(verifiedReportData(evidence), reportData);
  checkRepeatedNonce(evidence, options.nonce);

  const claims = parseClaims(bundle.claims);
  const policyFailures = [
    ...checkPolicy(evidence, parsedPolicy),
    ...checkFreshness(evidence, claims, options.nonce !== undefined, parsedPolicy, time),
  ];
  refuse(policyFailures, checkClaims(claims, evidence.type, options, time));
  return attestationResult(evidence, claims, parsedPolicy, options.nonce !== undefined, time.now);
}

function checkOptions(policy: AttestationPolicy, { nonce, expectedOrigin }: VerifyBundleOptions): void {
  if (policy.freshness === 'nonce' && nonce === undefined) {
    throw new ConfigurationError('this policy asks for a nonce: send one, and pass it on', { code: 'invalid_option' });
  }
  if (nonce !== undefined && nonce.length !== NONCE_BYTES) {
    throw new ConfigurationError('a nonce has 32 bytes', { code: 'invalid_option' });
  }
  if (expectedOrigin === '') throw new ConfigurationError('expectedOrigin is empty', { code: 'invalid_option' });
}

/** The bundle's own nonce is a courtesy; what counts is that the evidence commits to the one that was sent. */
function checkNonce({ nonce: found }: Bundle, nonce: Uint8Array | undefined): void {
  const same = nonce === undefined || found === undefined ? nonce === found : equalBytes(nonce, found);
  if (!same) throw attestationError('binding.nonce', 'nonce_mismatch', 'the evidence does not answer this challenge');
}

function checkBinding(found: Uint8Array, expected: Uint8Array): void {
  if (!equalBytes(found, expected)) {
    throw attestationError('binding', 'binding_mismatch', 'the evidence does not commit to these claims');
  }
}

/** Nitro documents have a field for the nonce, which repeats it. */
function checkRepeatedNonce(evidence: VerifiedEvidence, nonce: Uint8Array | undefined): void {
  if (evidence.type !== 'aws-nitro') return;
  const same =
    nonce === undefined ? evidence.nonce === null : evidence.nonce !== null && equalBytes(evidence.nonce, nonce);
  if (!same) throw attestationError('binding.nonce', 'nonce_mismatch', 'the document does not repeat this challenge');
}

/** Claims that do not fit make the evidence bad, whatever the policy says of it; the error carries both. */
function refuse(policy: readonly VerificationFailure[], claims: readonly VerificationFailure[]): void {
  const [firstClaim, ...otherClaims] = claims;
  if (firstClaim !== undefined) throw attestationErrorOf([firstClaim, ...otherClaims, ...policy]);
  const [first, ...others] = policy;
  if (first === undefined) return;
  const failures = [first, ...others] as const;
  throw new PolicyError(failures.map(({ message }) => message).join('; '), { failures });
}
