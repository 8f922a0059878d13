import { type AttestationResult, tierPreset, verifyBundle } from '@sotto/attestation';
import { AttestationError, PolicyError } from '@sotto/protocol';
import { parsePins } from '../pins.ts';
import { RememberedRouter } from '../router-memory.ts';
import type { AttestationOptions } from './attestation-options.ts';
import type { VerifiedAttestation } from './attestation-status.ts';
import { describeFailure, failedSteps, failuresOf, passedSteps } from './attestation-steps.ts';
import { fetchEvidence } from './fetch-evidence.ts';
import type { AttestationSubject, AttestedKeys } from './router-attestation.ts';

const NONCE_BYTES = 32; // docs/attestation.md, The bundle

/**
 * Fetches and verifies a router's evidence, and writes down what became of it.
 * @throws AttestationError, PolicyError (`upstream_policy_not_allowed`, and `measurement_change_refused` where the app
 *   refused), ConfigurationError
 */
export async function attestRouter(subject: AttestationSubject, signal: AbortSignal): Promise<AttestedKeys> {
  const { record, tier, log } = subject;
  try {
    const { result, verified } = await verify(subject, signal);
    record.accepted = verified;
    record.status = verified;
    log.info('the router has proved what it is', { type: result.type, tier, status: result.status });
    return {
      keyConfigs: result.keyConfigs,
      rsaKeySha256: result.rsaKeySha256,
      verifiedAtMs: result.verifiedAt.getTime(),
      validUntilMs: result.validUntil.getTime(),
    };
  } catch (error) {
    // Whoever gave up waiting has learnt nothing of the router.
    if (!signal.aborted) {
      const { code, message } = describeFailure(error);
      const [failures, steps] = [failuresOf(error), failedSteps(error)];
      record.status = { status: 'contraindicated', tier, code, message, failures, steps };
      log.error('the router has not proved what it is', { tier, code: failures[0]?.code ?? null });
    }
    throw error;
  }
}

interface Verified {
  readonly result: AttestationResult;
  readonly verified: VerifiedAttestation;
}

async function verify(subject: AttestationSubject, signal: AbortSignal): Promise<Verified> {
  const { runtime, router, tier, options } = subject;
  const { origin } = new URL(router.base);
  const { policy } = tierPreset(tier, policyOf(options));
  const nonce = policy.freshness === 'nonce' ? crypto.getRandomValues(new Uint8Array(NONCE_BYTES)) : undefined;
  const received = await fetchEvidence(runtime.transport, router, { nonce }, signal);
  const result = await verifyBundle(received, policy, {
    expectedOrigin: origin,
    nonce,
    now: new Date(runtime.clock.now()),
    roots: options.roots,
  });
  checkUpstreamPolicy(result, options);
  const memory = new RememberedRouter(subject.memory, origin);
  const { epoch: leastEpoch } = await memory.recall();
  if (leastEpoch !== null && result.epoch < leastEpoch) throw rollback();
  const verified = { ...summary(result), tier, answersNonce: nonce !== undefined };
  await acceptMeasurements(subject, verified);
  signal.throwIfAborted();
  await memory.raise({ epoch: result.epoch });
  return { result, verified };
}

/** The policy without what is the client's own. */
function policyOf({ onMeasurementChange: _, roots: __, upstreamPolicies: ___, ...policy }: AttestationOptions) {
  return policy;
}

function summary(result: AttestationResult): Omit<VerifiedAttestation, 'tier' | 'answersNonce'> {
  const { status, warnings, type, measurements, tcb, advisories, kid, epoch, software } = result;
  const { upstreamPolicySha256, verifiedAt, validUntil } = result;
  const proved = { status, warnings, type, measurements, tcb, advisories, kid, epoch, software };
  return { ...proved, upstreamPolicySha256, verifiedAt, validUntil, steps: passedSteps(result) };
}

async function acceptMeasurements({ record, options, log }: AttestationSubject, after: VerifiedAttestation) {
  const before = record.accepted;
  if (before === null || sameMeasurements(before, after)) return;
  log.warn('the router proves other measurements than before', { type: after.type });
  let cause: unknown;
  try {
    if (options.onMeasurementChange === undefined || (await options.onMeasurementChange(before, after)) === true)
      return;
  } catch (error) {
    cause = error;
  }
  const message = 'the router proves other measurements than before, and this program refuses them';
  const failures = [{ step: 'history.measurements', code: 'measurement_change_refused', message }] as const;
  throw new PolicyError(message, { failures, cause });
}

/** A router that does not say to whom it hands prompts on is none of those that are listed. */
function checkUpstreamPolicy({ upstreamPolicySha256 }: AttestationResult, { upstreamPolicies }: AttestationOptions) {
  if (upstreamPolicies === undefined) return;
  if (upstreamPolicySha256 !== null && parsePins('upstreamPolicies', upstreamPolicies).has(upstreamPolicySha256))
    return;
  const message = 'the router hands prompts on by another upstream policy than those that are listed';
  const failures = [{ step: 'policy.upstreams', code: 'upstream_policy_not_allowed', message }] as const;
  throw new PolicyError(message, { failures });
}

function sameMeasurements(before: VerifiedAttestation, after: VerifiedAttestation): boolean {
  const names = new Set([...Object.keys(before.measurements), ...Object.keys(after.measurements)]);
  const same = [...names].every((name) => before.measurements[name] === after.measurements[name]);
  return same && before.type === after.type;
}

function rollback(): AttestationError {
  const message = 'the evidence is of older keys than some that were seen before: somebody serves an old bundle';
  return new AttestationError(message, {
    failures: [{ step: 'history.epoch', code: 'key_statement_rollback', message }],
  });
}
