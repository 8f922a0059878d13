import type { AttestationResult } from '@sotto/attestation';
import { failedSteps, passedSteps } from '@sotto/client/attestation';
import { type AnyErrorCode, AttestationError, PolicyError, type VerificationFailure } from '@sotto/protocol';

/** What a verification found, for a person or a program. */
export interface VerificationReport {
  readonly status: AttestationResult['status'] | 'contraindicated';
  /** Whose claims were expected. */
  readonly origin: string;
  readonly steps: readonly ReportedStep[];
  readonly failures: readonly VerificationFailure[];
  /** What was proved, by name, in words; empty after a failure. */
  readonly proved: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

/** One step, of the evidence or of what is held against it. */
export interface ReportedStep {
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  readonly words: string;
  readonly code?: AnyErrorCode | undefined;
}

/** Puts a verification that was passed into words. */
export function verifiedReport(result: AttestationResult, origin: string): VerificationReport {
  const { status, warnings, type, kid, software, epoch, validUntil, measurements, advisories } = result;
  const proved = {
    type,
    ...measurements,
    software: `${software.name} ${software.version}${software.commit === undefined ? '' : `, ${software.commit}`}`,
    keys: `${kid}, epoch ${epoch}`,
    ...(advisories.length === 0 ? {} : { advisories: advisories.join(', ') }),
    'valid until': validUntil.toISOString(),
  };
  // One look at a router has no history.
  const steps = passedSteps(result).filter(({ name }) => name !== 'history');
  return { status, origin, steps, failures: [], proved, warnings };
}

/** Puts one that was not passed into words. @throws the error itself where it is no verdict on the evidence */
export function failedReport(error: unknown, origin: string): VerificationReport {
  if (!AttestationError.isInstance(error) && !PolicyError.isInstance(error)) throw error;
  const steps = failedSteps(error).filter(({ name }) => name !== 'history');
  return { status: 'contraindicated', origin, steps, failures: error.failures, proved: {}, warnings: [] };
}

const MARKS = { passed: 'ok  ', failed: 'FAIL', skipped: '-   ' } as const;
/** What it comes to, by status. */
export type Verdicts = Readonly<Record<VerificationReport['status'], string>>;
const VERDICTS: Verdicts = {
  affirming: 'VERIFIED: the router is what the policy asks for',
  warning: 'VERIFIED, WITH WARNINGS: see above',
  contraindicated: 'REFUSED: do not send anything to this router',
};

/** The report as lines for a person. */
export function reportInWords(report: VerificationReport, what = 'Evidence', verdicts = VERDICTS): string {
  const { status, origin, steps, failures, proved, warnings } = report;
  const shown = new Set(steps.map(({ words }) => words));
  return [
    `${what} of ${origin}`,
    '',
    ...steps.map(({ name, status: outcome, words, code }) => {
      return `${MARKS[outcome]} ${name.padEnd(8)} ${words}${code === undefined ? '' : ` (${code})`}`;
    }),
    ...failures
      .filter(({ message }) => !shown.has(message))
      .map(({ step, code, message }) => `     ${step}: ${message} (${code})`),
    '',
    ...Object.entries(proved).map(([name, value]) => `${name.padEnd(12)} ${value}`),
    ...warnings.map((warning) => `warning      ${warning}`),
    verdicts[status],
  ].join('\n');
}
