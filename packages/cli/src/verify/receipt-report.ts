import { SecurityError } from '@sotto/protocol';
import type { Receipt } from '@sotto/protocol/receipt';
import { isHashOf, type VerifiedReceipt } from './receipt-verification.ts';
import {
  failedReport,
  type ReportedStep,
  reportInWords,
  type Verdicts,
  type VerificationReport,
  verifiedReport,
} from './verification-report.ts';

/** What a receipt is compared with beside its signature; null where it is not there to compare. */
export interface ReceiptedBodies {
  readonly request: Uint8Array | null;
  readonly answer: Uint8Array | null;
}

/** A report that has the receipt in it. */
export interface ReceiptReport extends VerificationReport {
  /** Null where its signature was not verified. */
  readonly receipt: Receipt | null;
}

const VERDICTS: Verdicts = {
  affirming: 'VERIFIED: a router that is what the policy asks for signed this receipt',
  warning: 'VERIFIED, WITH WARNINGS: see above',
  contraindicated: 'REFUSED: this receipt is evidence of nothing',
};

/** Puts a receipt that was verified, and its comparison with both bodies, into words. */
export function receiptReport(
  { receipt, evidence }: VerifiedReceipt,
  origin: string,
  { request, answer }: ReceiptedBodies,
): ReceiptReport {
  const report = verifiedReport(evidence, origin);
  const steps: readonly ReportedStep[] = [
    ...report.steps,
    { name: 'receipt', status: 'passed', words: 'signed by the key that the evidence names' },
    comparison('request', request, receipt.requestSha256),
    comparison('answer', answer, receipt.answerSha256),
  ];
  const failures = steps
    .filter(({ status }) => status === 'failed')
    .map(({ name, words }) => ({ step: name, code: 'invalid_receipt', message: words }) as const);
  const { type, ...measured } = report.proved;
  const proved = {
    model: receipt.model,
    tier: receipt.tier,
    upstream: receipt.upstreamClass,
    time: new Date(receipt.time * 1_000).toISOString(),
    // Keys rotate and the receipt key stays: both are of one start of the router.
    keys: receipt.kid === evidence.kid ? receipt.kid : `${receipt.kid}; the evidence is of ${evidence.kid}`,
    router: type ?? '',
    ...Object.fromEntries(Object.entries(measured).filter(([name]) => name !== 'keys' && name !== 'valid until')),
  };
  const status = failures.length > 0 ? 'contraindicated' : report.status;
  return { ...report, status, steps, failures, proved, receipt };
}

function comparison(name: 'request' | 'answer', body: Uint8Array | null, stated: string): ReportedStep {
  if (body === null) return { name, status: 'skipped', words: `not compared: give --${name} FILE` };
  if (isHashOf(stated, body)) return { name, status: 'passed', words: `the receipt is of this ${name}` };
  return { name, status: 'failed', words: `the receipt is of another ${name}`, code: 'invalid_receipt' };
}

/** Puts one that was not verified into words. @throws the error itself where it is no verdict on receipt or evidence */
export function failedReceiptReport(error: unknown, origin: string): ReceiptReport {
  if (!SecurityError.isInstance(error) || error.code !== 'invalid_receipt') {
    return { ...failedReport(error, origin), receipt: null };
  }
  const { message } = error;
  const failure = { step: 'receipt', code: 'invalid_receipt', message } as const;
  const steps: readonly ReportedStep[] = [{ name: failure.step, status: 'failed', words: message, code: failure.code }];
  const failures = [failure];
  return { status: 'contraindicated', origin, steps, failures, proved: {}, warnings: [], receipt: null };
}

/** The report as lines for a person. */
export function receiptInWords(report: ReceiptReport): string {
  return reportInWords(report, 'Receipt', VERDICTS);
}
