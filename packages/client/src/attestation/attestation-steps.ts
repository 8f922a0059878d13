import type { AttestationResult } from '@sotto/attestation';
import { AttestationError, PolicyError, SottoError, type VerificationFailure } from '@sotto/protocol';
import { ATTESTATION_STAGES, type AttestationStage, type AttestationStep } from './attestation-status.ts';

/** What a stage proves once it is passed. */
const PASSED: Readonly<Record<AttestationStage, string>> = {
  fetch: 'the router sent evidence',
  schema: 'the evidence is well-formed',
  type: 'the policy lists this kind of evidence',
  binding: 'the evidence commits to what the router says of its keys',
  crypto: "the signatures lead up to the vendor's pinned root",
  policy: 'hardware, firmware and software are those that the policy allows',
  claims: 'it is of this router, and of now',
  history: 'it is no older than what was seen before',
};

/** The steps of a verification that was passed. */
export function passedSteps({ type, steps }: AttestationResult): readonly AttestationStep[] {
  const details = new Map<string, string>(steps.map(({ name, detail }) => [name, detail]));
  return ATTESTATION_STAGES.map((name) => {
    const words = type === 'software' && name === 'crypto' ? 'signed by software, which proves nothing' : undefined;
    return { name, status: 'passed', words: words ?? details.get(name) ?? PASSED[name] };
  });
}

/** The steps of a verification that ended with `error`: those before it passed, those after it unknown. */
export function failedSteps(error: unknown): readonly AttestationStep[] {
  const failures = failuresOf(error);
  const failed = new Map<AttestationStage, VerificationFailure>();
  for (const failure of failures) {
    const stage = stageOf(failure.step);
    if (!failed.has(stage)) failed.set(stage, failure);
  }
  const first = ATTESTATION_STAGES.findIndex((name) => failed.has(name));
  // Claims are read after the cryptography and before the policy is asked.
  const unreadable = failures.some(({ step }) => step === 'parse.claims');
  return ATTESTATION_STAGES.map((name, index) => {
    const failure = failed.get(name);
    if (failure !== undefined) return { name, status: 'failed', words: failure.message, code: failure.code };
    const passed = index < first && !(unreadable && name === 'policy');
    return passed
      ? { name, status: 'passed', words: PASSED[name] }
      : { name, status: 'skipped', words: 'not looked at' };
  });
}

/** What a failed verification found. */
export function failuresOf(error: unknown): readonly VerificationFailure[] {
  if (AttestationError.isInstance(error) || PolicyError.isInstance(error)) return error.failures;
  return [];
}

/** The code and words of an error that ended a verification. */
export function describeFailure(error: unknown): Pick<SottoError, 'code' | 'message'> {
  if (SottoError.isInstance(error)) return error;
  return { code: 'internal_error', message: 'the verification failed unexpectedly' };
}

/** The stage that a failure's step belongs to; `policy.platforms[0].measurements` and the like are of the policy. */
function stageOf(step: string): AttestationStage {
  if (step === 'policy.type') return 'type';
  if (step === 'parse.claims') return 'claims';
  const outer = step.split('.', 1)[0];
  if (outer === 'parse') return 'schema';
  return ATTESTATION_STAGES.find((stage) => stage === outer) ?? 'crypto';
}
