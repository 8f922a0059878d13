import { EVIDENCE_TYPES, type EvidenceType } from '../bundle.ts';
import { ALLOWABLE_TCB_STATUSES } from '../tdx/tcb-status.ts';
import type { AttestationPolicyInput, PlatformPolicyInput } from './policy.ts';

/**
 * A policy that takes any software on any hardware of the given types: to see what there is, or to check one's own
 * evidence. Nothing is to be sealed on its strength.
 */
export function observingPolicy(types: readonly EvidenceType[] = EVIDENCE_TYPES): AttestationPolicyInput {
  const platforms = types.flatMap((type) => (type === 'software' ? [] : [anySoftwareOn(type)]));
  return { platforms, dangerouslyAllowSoftware: types.includes('software') };
}

function anySoftwareOn(type: Exclude<EvidenceType, 'software'>): PlatformPolicyInput {
  const anySoftware = { dangerouslyAcceptAnyMeasurement: true } as const;
  switch (type) {
    case 'sev-snp':
      return { type, ...anySoftware, products: ['Milan', 'Genoa', 'Turin'], vmpl: [0, 1, 2, 3], allowVlek: true };
    case 'tdx':
    case 'dstack-tdx':
      return { type, ...anySoftware, tcbStatus: [...ALLOWABLE_TCB_STATUSES], allowSeptVeOff: true };
    case 'aws-nitro':
      return { type, ...anySoftware };
  }
}
