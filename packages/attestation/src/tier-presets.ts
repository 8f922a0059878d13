import { ConfigurationError, type SecurityTier } from '@sotto/protocol';
import {
  type AttestationPolicy,
  type AttestationPolicyInput,
  type PlatformPolicy,
  type PlatformPolicyInput,
  parsePolicy,
} from './policy/policy.ts';
import { ALLOWABLE_TCB_STATUSES } from './tdx/tcb-status.ts';

/**
 * The least TCB of tiers high and maximum where the policy names none: the SNP firmware in which AMD-SB-3019 (forged
 * microcode) is fixed; none for Turin. docs/attestation.md names what later bulletins ask for.
 */
const TIER_MIN_TCB = { Milan: { snp: 0x18 }, Genoa: { snp: 0x17 } } as const;
const HIGH_MAX_AGE_SECONDS = 86_400;
const MAXIMUM_MAX_AGE_SECONDS = 300;
/** What tier high may list beside UpToDate: software in the trust domain can make up for it. */
const HIGH_TCB_STATUSES: readonly string[] = ALLOWABLE_TCB_STATUSES.slice(0, 2);

/** What a security tier asks of a router's evidence. */
export interface TierPreset {
  /** Whether a router without evidence is refused. Evidence that is there must verify in every tier. */
  readonly evidenceRequired: boolean;
  readonly policy: AttestationPolicy;
}

/**
 * Tightens a policy to what a tier asks for.
 *
 * - `standard`: evidence is optional; the policy holds for what is there.
 * - `high`: evidence is required, of hardware, no more than a day old, above a least TCB.
 * - `maximum`: and it answers a challenge of this session, with revocation lists, up to date, on Genoa or Turin whose
 *   memory was checked for aliases, without any `dangerously…` member.
 * @throws ConfigurationError `policy_empty`, `invalid_option` where the policy allows what the tier forbids
 */
export function tierPreset(tier: SecurityTier, input: AttestationPolicyInput): TierPreset {
  switch (tier) {
    case 'standard':
      return { evidenceRequired: false, policy: parsePolicy(input) };
    case 'high':
      return { evidenceRequired: true, policy: highPolicy(tier, input) };
    case 'maximum':
      return { evidenceRequired: true, policy: maximumPolicy(input) };
  }
}

function highPolicy(tier: SecurityTier, input: AttestationPolicyInput): AttestationPolicy {
  const platforms = input.platforms?.map((entry) =>
    entry.type === 'sev-snp' ? { ...entry, minTcb: { ...TIER_MIN_TCB, ...entry.minTcb } } : entry,
  );
  const policy = parsePolicy({ maxAgeSeconds: HIGH_MAX_AGE_SECONDS, ...input, ...(platforms && { platforms }) });
  refuse(tier, policy.maxAgeSeconds > HIGH_MAX_AGE_SECONDS, 'maxAgeSeconds above a day');
  refuse(tier, policy.dangerouslyAllowSoftware, 'dangerouslyAllowSoftware');
  for (const entry of policy.platforms) {
    refuse(tier, entry.dangerouslyAcceptAnyMeasurement, 'dangerouslyAcceptAnyMeasurement');
    if (entry.type === 'tdx' || entry.type === 'dstack-tdx') {
      const listed = entry.tcbStatus.find((status) => !HIGH_TCB_STATUSES.includes(status));
      refuse(tier, listed !== undefined, `TCB status ${listed}`);
    }
  }
  return policy;
}

function maximumPolicy(input: AttestationPolicyInput): AttestationPolicy {
  const tier = 'maximum';
  refuse(tier, input.freshness === 'static', 'static evidence');
  refuse(tier, input.requireCrl === false, 'missing revocation lists');
  const policy = highPolicy(tier, {
    maxAgeSeconds: MAXIMUM_MAX_AGE_SECONDS,
    ...input,
    freshness: 'nonce',
    requireCrl: true,
    ...(input.platforms && { platforms: input.platforms.map(maximumPlatform) }),
  });
  refuse(tier, policy.maxAgeSeconds > MAXIMUM_MAX_AGE_SECONDS, 'maxAgeSeconds above five minutes');
  for (const entry of policy.platforms) refuseBelowMaximum(tier, entry);
  return policy;
}

function maximumPlatform(entry: PlatformPolicyInput): PlatformPolicyInput {
  if (entry.type !== 'sev-snp') return entry;
  refuse('maximum', entry.requireAliasCheck === false, 'memory that was not checked for aliases');
  return { ...entry, requireAliasCheck: true };
}

function refuseBelowMaximum(tier: SecurityTier, entry: PlatformPolicy): void {
  if (entry.type === 'sev-snp') refuse(tier, entry.products.includes('Milan'), 'product Milan');
  if (entry.type !== 'tdx' && entry.type !== 'dstack-tdx') return;
  refuse(
    tier,
    entry.tcbStatus.some((status) => status !== 'UpToDate'),
    'a TCB status other than UpToDate',
  );
  refuse(tier, entry.allowSeptVeOff, 'allowSeptVeOff');
}

function refuse(tier: SecurityTier, found: boolean, what: string): void {
  if (!found) return;
  throw new ConfigurationError(`tier ${tier} does not allow ${what}`, { code: 'invalid_option' });
}
