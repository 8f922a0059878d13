import type { VerificationFailure } from '@sotto/protocol';
import type { VerifiedNitro } from '../nitro/verify.ts';
import type { NitroPolicy } from './policy.ts';
import { PolicyCheck } from './policy-check.ts';

/** What of a verified Nitro document a policy does not allow. Debug mode it never does. */
export function checkNitroPolicy(
  evidence: VerifiedNitro,
  policy: NitroPolicy,
  prefix: string,
): readonly VerificationFailure[] {
  const check = new PolicyCheck(prefix);
  check.demand(!evidence.debug, 'debug', 'debug_enabled', 'the enclave runs in debug mode');
  for (const [index, allowed] of Object.entries(policy.pcrs)) {
    const value = evidence.pcrs.get(Number(index)) ?? null;
    check.demandListed(allowed, value, `pcrs.${index}`, 'measurement_not_allowed', `PCR${index}`);
  }
  return check.failures;
}
