import type { AttestationPolicyInput, TrustRoots } from '@sotto/attestation';
import type { Awaitable, SecurityTier } from '@sotto/protocol';
import { parseSecurityTier } from '../chat-request.ts';
import type { VerifiedAttestation } from './attestation-status.ts';

/**
 * Told when a router whose evidence was verified before now proves other measurements, which the policy allows too.
 * Whatever it answers but true, a throw as well, refuses them: nothing is sealed to the router.
 */
export type OnMeasurementChange = (before: VerifiedAttestation, after: VerifiedAttestation) => Awaitable<boolean>;

/** What a client demands of a router's evidence: a policy (docs/attestation.md), and what to do with its results. */
export interface AttestationOptions extends AttestationPolicyInput {
  /** Default: whatever the policy allows is taken. */
  readonly onMeasurementChange?: OnMeasurementChange | undefined;
  /**
   * SHA-256 of the upstream policies that the router may have, in hexadecimal: to whom it may hand prompts on. Measured
   * software may be configured by anybody. Default: any, and none.
   */
  readonly upstreamPolicies?: readonly string[] | undefined;
  /** Other roots than the vendors', for tests against a synthetic PKI. */
  readonly roots?: TrustRoots | undefined;
}

/** What must be proved before anything is sealed. */
export interface TierOptions {
  /**
   * Verifies the router's evidence before the first request, and seals only to keys that it commits to. Without it
   * nothing is verified, and tiers high and maximum are refused.
   */
  readonly attestation?: AttestationOptions | undefined;
  /** The tier of requests that name none. Default: the router's own choice. */
  readonly tier?: SecurityTier | undefined;
  /**
   * Sends requests of tiers high and maximum without `attestation` too: the tier is then no more than a word to the
   * router, which nothing proves to be one. A router on this machine needs no such leave; beside `attestation` it changes
   * nothing.
   */
  readonly dangerouslyTrustRouterWithoutEvidence?: boolean | undefined;
}

/** {@link TierOptions}, checked as far as that needs no verifier. */
export interface ResolvedTierOptions extends Omit<TierOptions, 'tier'> {
  readonly tier: SecurityTier | null;
}

/**
 * Checks the options. The policy itself is read with the verifier, at the first verification.
 * @throws InvalidRequestError `invalid_security_tier`
 */
export function resolveTierOptions(options: TierOptions): ResolvedTierOptions {
  const { attestation, dangerouslyTrustRouterWithoutEvidence, tier } = options;
  return { attestation, dangerouslyTrustRouterWithoutEvidence, tier: parseSecurityTier(tier) };
}
