import { type TdxEvidence, type VerifiedTdx, verifyTdx } from '../tdx/verify.ts';
import type { VerificationOptions } from '../verification-context.ts';
import { type DstackIdentity, replayEventLog } from './event-log.ts';

/** Evidence of dstack on TDX. */
export interface DstackEvidence extends TdxEvidence {
  /** JSON, as the guest agent writes it. */
  readonly eventLog: string;
}

/** A verified quote, and what dstack measured into it. */
export interface VerifiedDstack extends Omit<VerifiedTdx, 'type'>, DstackIdentity {
  readonly type: 'dstack-tdx';
}

/**
 * Verifies a quote and replays the event log into its registers. What dstack says it runs is worth no more than the
 * system that says it: the policy has to know that one by MRTD, RTMR1 and RTMR2.
 * @throws AttestationError as {@link verifyTdx}, and `event_log_mismatch`
 */
export async function verifyDstack(evidence: DstackEvidence, options: VerificationOptions): Promise<VerifiedDstack> {
  const verified = await verifyTdx(evidence, options);
  return { ...verified, type: 'dstack-tdx', ...(await replayEventLog(evidence.eventLog, verified.rtmr)) };
}
