import {
  ALLOWABLE_TCB_STATUSES,
  type AttestationPolicyInput,
  type AttestationResult,
  type PlatformPolicyInput,
  type VerifiedDstack,
  type VerifiedEvidence,
  type VerifiedTdx,
} from '@sotto/attestation';

/**
 * The narrowest policy that accepts what was verified. It says what is, not what ought to be: whoever uses it has
 * compared the measurements with a build of their own.
 */
export function observedPolicy({ evidence }: AttestationResult): AttestationPolicyInput {
  if (evidence.type === 'software') return { dangerouslyAllowSoftware: true };
  return { platforms: [observedPlatform(evidence)] };
}

function observedPlatform(evidence: Exclude<VerifiedEvidence, { type: 'software' }>): PlatformPolicyInput {
  switch (evidence.type) {
    case 'sev-snp': {
      const { type, measurement, product, vmpl, tcb, signer } = evidence;
      return {
        type,
        measurements: [measurement],
        products: [product],
        minTcb: { [product]: tcb.reported },
        vmpl: [vmpl],
        ...(signer === 'vlek' ? { allowVlek: true } : {}),
      };
    }
    case 'tdx':
      return { type: evidence.type, ...trustDomain(evidence) };
    case 'dstack-tdx': {
      const { composeHash, appId } = evidence;
      return {
        type: evidence.type,
        ...trustDomain(evidence),
        ...(composeHash === null ? {} : { composeHashes: [composeHash] }),
        ...(appId === null ? {} : { appIds: [appId] }),
      };
    }
    case 'aws-nitro':
      return {
        type: evidence.type,
        // A register of zeros measures nothing.
        pcrs: Object.fromEntries(
          [...evidence.pcrs].filter(([, value]) => /[^0]/.test(value)).map(([index, value]) => [`${index}`, [value]]),
        ),
      };
  }
}

/** RTMR3 is left out: dstack writes into it what differs from one instance to the next. */
function trustDomain({ mrTd, rtmr, mrConfigId, tcb, attributes }: VerifiedTdx | VerifiedDstack) {
  const [rtmr0 = '', rtmr1 = '', rtmr2 = ''] = rtmr;
  const tcbStatus = ALLOWABLE_TCB_STATUSES.filter((status) => status === tcb.status);
  return {
    mrTd: [mrTd],
    rtmr: { 0: [rtmr0], 1: [rtmr1], 2: [rtmr2] },
    mrConfigId: [mrConfigId],
    tcbStatus,
    minTcbEvaluationDataNumber: tcb.evaluationDataNumber,
    ...(attributes.septVeDisable ? {} : { allowSeptVeOff: true }),
  };
}
