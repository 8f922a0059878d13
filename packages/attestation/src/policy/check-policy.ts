import { PolicyError, type VerificationFailure } from '@sotto/protocol';
import type { EvidenceType } from '../bundle.ts';
import type { VerifiedEvidence } from '../evidence.ts';
import { checkNitroPolicy } from './nitro-policy.ts';
import type { AttestationPolicy, PlatformPolicy } from './policy.ts';
import { checkSevSnpPolicy } from './sev-snp-policy.ts';
import { checkDstackPolicy, checkTdxPolicy } from './tdx-policy.ts';

/**
 * Refuses a kind of evidence that the policy does not list, before any of it is verified.
 * @throws PolicyError `type_not_allowed`, `software_refused`
 */
export function checkTypeAllowed(type: EvidenceType, policy: AttestationPolicy): void {
  const failure = typeFailure(type, policy);
  if (failure !== null) throw new PolicyError(failure.message, { failures: [failure] });
}

function typeFailure(type: EvidenceType, policy: AttestationPolicy): VerificationFailure | null {
  const step = 'policy.type';
  if (type === 'software') {
    const message = 'software evidence proves nothing, and is refused';
    return policy.dangerouslyAllowSoftware ? null : { step, code: 'software_refused', message };
  }
  const message = `evidence of type ${type} is not listed`;
  return policy.platforms.some((entry) => entry.type === type) ? null : { step, code: 'type_not_allowed', message };
}

/**
 * What of verified evidence the policy does not allow. Where it lists a platform more than once, one entry that allows
 * everything is enough; otherwise the failures of all of them are returned.
 */
export function checkPolicy(evidence: VerifiedEvidence, policy: AttestationPolicy): readonly VerificationFailure[] {
  const notListed = typeFailure(evidence.type, policy);
  if (notListed !== null) return [notListed];
  const collected: VerificationFailure[] = [];
  for (const [index, entry] of policy.platforms.entries()) {
    const failures = checkPlatform(evidence, entry, policy.requireCrl, `policy.platforms[${index}]`);
    if (failures?.length === 0) return [];
    collected.push(...(failures ?? []));
  }
  return collected;
}

/** @returns null where the entry is for another platform */
function checkPlatform(
  evidence: VerifiedEvidence,
  entry: PlatformPolicy,
  requireCrl: boolean,
  prefix: string,
): readonly VerificationFailure[] | null {
  switch (entry.type) {
    case 'sev-snp':
      return evidence.type === 'sev-snp' ? checkSevSnpPolicy(evidence, entry, requireCrl, prefix) : null;
    case 'tdx':
      return evidence.type === 'tdx' ? checkTdxPolicy(evidence, entry, prefix) : null;
    case 'dstack-tdx':
      return evidence.type === 'dstack-tdx' ? checkDstackPolicy(evidence, entry, prefix) : null;
    case 'aws-nitro':
      return evidence.type === 'aws-nitro' ? checkNitroPolicy(evidence, entry, prefix) : null;
  }
}
