import { randomBytes } from 'node:crypto';
import {
  type AttestationPolicyInput,
  MAX_BUNDLE_BYTES,
  NONCE_BYTES,
  observingPolicy,
  type TrustRoots,
  tierPreset,
  verifyBundle,
} from '@sotto/attestation';
import { fetchBundle } from '@sotto/client/attestation';
import { AttestationError, isSecurityTier, type SecurityTier } from '@sotto/protocol';
import { onePositional, type ParsedArguments, parseArguments, UsageError } from '../arguments.ts';
import type { Command, CommandContext } from '../command.ts';
import { isLoopbackUrl } from '../loopback-url.ts';
import { observedPolicy } from '../verify/observed-policy.ts';
import { readBounded, readPolicy } from '../verify/policy-file.ts';
import { findReceipt, type KeptReceipt } from '../verify/receipt-file.ts';
import { failedReceiptReport, receiptInWords, receiptReport } from '../verify/receipt-report.ts';
import { verifyAttestedReceipt } from '../verify/receipt-verification.ts';
import { failedReport, reportInWords, type VerificationReport, verifiedReport } from '../verify/verification-report.ts';

const usage = `sotto verify: does a router prove what it is, and did it give this answer?

  sotto verify --router URL --policy FILE        fetches its evidence and verifies it, step by step
  sotto verify BUNDLE --origin URL --policy FILE the same for a bundle that was kept
  sotto verify --router URL --print-policy       writes the policy that would accept what there is, for review
  sotto verify RECEIPT --bundle FILE --origin URL --policy FILE
                                                 a receipt, by evidence that was kept with it
  sotto verify RECEIPT --router URL --policy FILE
                                                 the same by evidence of now: of a router that was not started anew since

Options
  --router URL      or, for evidence alone, the environment variable SOTTO_BASE_URL
  --origin URL      the origin that the claims in the file must name
  --policy FILE     JSON, as in docs/attestation.md; without it any software is let pass, with a warning
  --tier TIER       tighten the policy to what standard, high or maximum asks for; a receipt is of this tier at least
  --bundle FILE     the evidence that names the key of the receipt
  --request FILE    the receipt is of this request body, byte by byte
  --answer FILE     the receipt is of this answer body
  --print-policy    print a policy; compare it with a build of your own before you use it
  --allow-http      plain HTTP to another machine than this one
  --json            the report as JSON

Exit codes: 0 verified, 1 refused, 2 called wrongly, 3 verified with warnings, 4 no evidence could be fetched`;

const options = {
  router: { type: 'string' },
  origin: { type: 'string' },
  policy: { type: 'string' },
  tier: { type: 'string' },
  bundle: { type: 'string' },
  request: { type: 'string' },
  answer: { type: 'string' },
  'print-policy': { type: 'boolean' },
  'allow-http': { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

type Values = ParsedArguments<typeof options>['values'];

const EXIT_CODES = { affirming: 0, contraindicated: 1, warning: 3 } as const;
const EXIT_NOT_FETCHED = 4;
/** As long as a router lets a body be unless told otherwise (docs/configuration.md, limits.answerBytes). */
const MAX_BODY_BYTES = 67_108_864;

/** `sotto verify` */
export const verifyCommand: Command = verifyCommandFor(undefined);

/** `sotto verify` that trusts other roots than the vendors', for tests against a synthetic PKI. */
export function verifyCommandFor(roots: TrustRoots | undefined): Command {
  return {
    name: 'verify',
    summary: 'verify what a router proves to be, and its receipts',
    usage,
    run: (args, context) => run(args, context, roots),
  };
}

async function run(args: readonly string[], context: CommandContext, roots: TrustRoots | undefined): Promise<number> {
  const { values, positionals } = parseArguments(args, options);
  if (values['print-policy'] === true && (values.policy ?? values.tier) !== undefined) {
    throw new UsageError('--print-policy writes a policy: it takes no --policy and no --tier');
  }
  const path = positionals.length === 0 ? null : onePositional(positionals, 'one bundle or one receipt');
  const file = path === null ? null : await readBounded(path, MAX_BODY_BYTES);
  const receipt = file === null ? null : findReceipt(file);
  if (receipt !== null) return verifyReceiptFile(receipt, values, context, roots);
  if ((values.bundle ?? values.request ?? values.answer) !== undefined) {
    throw new UsageError('--bundle, --request and --answer go with a receipt');
  }
  if (file !== null && file.length > MAX_BUNDLE_BYTES) {
    throw new UsageError(`${path} is neither a receipt nor a bundle: it is longer than ${MAX_BUNDLE_BYTES} bytes`);
  }
  return verifyEvidence(file, values, context, roots);
}

async function verifyEvidence(
  file: Uint8Array | null,
  values: Values,
  context: CommandContext,
  roots: TrustRoots | undefined,
): Promise<number> {
  const { policy } = await policyOf(values);
  const nonce = file === null ? freshNonce() : undefined;
  let origin = values.origin ?? values.router ?? '';
  try {
    const found = file === null ? await fetchFrom(values, nonce, context) : { bundle: file, origin: kept(values) };
    origin = found.origin;
    const result = await verifyBundle(found.bundle, policy, { expectedOrigin: origin, nonce, roots });
    if (values['print-policy'] === true) {
      context.terminal.print(JSON.stringify(observedPolicy(result), null, 2));
      context.terminal.say('Compare these measurements with a build of your own: the list is what you trust.');
      return EXIT_CODES.affirming;
    }
    return tell(verifiedReport(result, origin), reportInWords, values, context);
  } catch (error) {
    return exitCodeOf(error, tell(failedReport(error, origin), reportInWords, values, context));
  }
}

async function verifyReceiptFile(
  { receipt, answer: streamed }: KeptReceipt,
  values: Values,
  context: CommandContext,
  roots: TrustRoots | undefined,
): Promise<number> {
  if (values['print-policy'] === true) throw new UsageError('--print-policy is for evidence, not for a receipt');
  if ((values.bundle === undefined) === (values.router === undefined)) {
    throw new UsageError('give --bundle FILE with --origin URL, or --router URL: their evidence names the key');
  }
  if (streamed !== null && values.answer !== undefined) {
    throw new UsageError('this file has the answer before its receipt: leave --answer out');
  }
  const { policy, tier } = await policyOf(values);
  const request = values.request === undefined ? null : await readBounded(values.request, MAX_BODY_BYTES);
  const answer = values.answer === undefined ? streamed : await readBounded(values.answer, MAX_BODY_BYTES);
  const nonce = values.bundle === undefined ? freshNonce() : undefined;
  let origin = values.origin ?? values.router ?? '';
  try {
    const found =
      values.bundle === undefined
        ? await fetchFrom(values, nonce, context)
        : { bundle: await readBounded(values.bundle, MAX_BUNDLE_BYTES), origin: kept(values) };
    origin = found.origin;
    const verified = await verifyAttestedReceipt({ receipt, bundle: found.bundle, origin, policy, tier, nonce, roots });
    return tell(receiptReport(verified, origin, { request, answer }), receiptInWords, values, context);
  } catch (error) {
    return exitCodeOf(error, tell(failedReceiptReport(error, origin), receiptInWords, values, context));
  }
}

function tell<Report extends VerificationReport>(
  report: Report,
  inWords: (report: Report) => string,
  { json }: Values,
  { terminal }: CommandContext,
): number {
  terminal.print(json === true ? JSON.stringify(report) : inWords(report));
  return EXIT_CODES[report.status];
}

function exitCodeOf(error: unknown, otherwise: number): number {
  return AttestationError.isInstance(error) && error.code === 'fetch_failed' ? EXIT_NOT_FETCHED : otherwise;
}

function freshNonce(): Uint8Array {
  return new Uint8Array(randomBytes(NONCE_BYTES));
}

/** Of the router that is named, now. */
function fetchFrom(
  { router, origin, 'allow-http': allowHttp }: Values,
  nonce: Uint8Array | undefined,
  { environment }: CommandContext,
): Promise<{ readonly bundle: Uint8Array; readonly origin: string }> {
  const routerUrl = router ?? environment['SOTTO_BASE_URL'];
  if (routerUrl === undefined) throw new UsageError('give --router URL, a bundle, or a receipt');
  if (origin !== undefined) throw new UsageError('--origin is for a bundle: a router is known by its own address');
  return fetchBundle({ routerUrl, allowHttp: allowHttp === true || isLoopbackUrl(routerUrl), nonce });
}

/** The origin that a bundle from a file must name. */
function kept({ router, origin }: Values): string {
  if (router !== undefined) throw new UsageError('give --router or a bundle, not both');
  if (origin === undefined) throw new UsageError('give --origin: evidence of any router proves nothing of yours');
  try {
    return new URL(origin).origin;
  } catch {
    throw new UsageError('--origin takes a URL, such as https://router.example');
  }
}

async function policyOf({
  policy: path,
  tier,
}: Values): Promise<{ readonly policy: AttestationPolicyInput; readonly tier: SecurityTier | null }> {
  if (tier !== undefined && !isSecurityTier(tier)) throw new UsageError('--tier takes standard, high or maximum');
  if (path === undefined) {
    if (tier !== undefined) throw new UsageError('--tier tightens a policy: give --policy FILE too');
    return { policy: observingPolicy(), tier: null };
  }
  const policy = await readPolicy(path);
  return tier === undefined ? { policy, tier: null } : { policy: tierPreset(tier, policy).policy, tier };
}
