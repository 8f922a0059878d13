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
import { AttestationError, isSecurityTier } from '@sotto/protocol';
import { onePositional, parseArguments, UsageError } from '../arguments.ts';
import type { Command, CommandContext } from '../command.ts';
import { isLoopbackUrl } from '../loopback-url.ts';
import { observedPolicy } from '../verify/observed-policy.ts';
import { readBounded, readPolicy } from '../verify/policy-file.ts';
import { failedReport, reportInWords, type VerificationReport, verifiedReport } from '../verify/verification-report.ts';

const usage = `sotto verify: does a router prove what it is?

  sotto verify --router URL --policy FILE        fetches its evidence and verifies it, step by step
  sotto verify BUNDLE --origin URL --policy FILE the same for a bundle that was kept
  sotto verify --router URL --print-policy       writes the policy that would accept what there is, for review

Options
  --router URL      or the environment variable SOTTO_BASE_URL
  --origin URL      the origin that the claims in the file must name
  --policy FILE     JSON, as in docs/attestation.md; without it any software is let pass, with a warning
  --tier TIER       tighten the policy to what standard, high or maximum asks for
  --print-policy    print a policy; compare it with a build of your own before you use it
  --allow-http      plain HTTP to another machine than this one
  --json            the report as JSON

Exit codes: 0 verified, 1 refused, 2 called wrongly, 3 verified with warnings, 4 no evidence could be fetched`;

const options = {
  router: { type: 'string' },
  origin: { type: 'string' },
  policy: { type: 'string' },
  tier: { type: 'string' },
  'print-policy': { type: 'boolean' },
  'allow-http': { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

const EXIT_CODES = { affirming: 0, contraindicated: 1, warning: 3 } as const;
const EXIT_NOT_FETCHED = 4;

/** `sotto verify` */
export const verifyCommand: Command = verifyCommandFor(undefined);

/** `sotto verify` that trusts other roots than the vendors', for tests against a synthetic PKI. */
export function verifyCommandFor(roots: TrustRoots | undefined): Command {
  return {
    name: 'verify',
    summary: 'verify what a router proves to be',
    usage,
    run: (args, context) => run(args, context, roots),
  };
}

async function run(args: readonly string[], context: CommandContext, roots: TrustRoots | undefined): Promise<number> {
  const { values, positionals } = parseArguments(args, options);
  if (values['print-policy'] === true && (values.policy ?? values.tier) !== undefined) {
    throw new UsageError('--print-policy writes a policy: it takes no --policy and no --tier');
  }
  const policy = await policyOf(values.policy, values.tier);
  const nonce = positionals.length === 0 ? new Uint8Array(randomBytes(NONCE_BYTES)) : undefined;
  let origin = values.origin ?? values.router ?? '';
  try {
    const found = await findBundle(values, positionals, nonce, context);
    origin = found.origin;
    const result = await verifyBundle(found.bundle, policy, { expectedOrigin: origin, nonce, roots });
    if (values['print-policy'] === true) {
      context.terminal.print(JSON.stringify(observedPolicy(result), null, 2));
      context.terminal.say('Compare these measurements with a build of your own: the list is what you trust.');
      return EXIT_CODES.affirming;
    }
    return tell(verifiedReport(result, origin), values.json === true, context);
  } catch (error) {
    const exitCode = tell(failedReport(error, origin), values.json === true, context);
    return AttestationError.isInstance(error) && error.code === 'fetch_failed' ? EXIT_NOT_FETCHED : exitCode;
  }
}

function tell(report: VerificationReport, json: boolean, { terminal }: CommandContext): number {
  terminal.print(json ? JSON.stringify(report) : reportInWords(report));
  return EXIT_CODES[report.status];
}

interface Source {
  readonly router?: string | undefined;
  readonly origin?: string | undefined;
  readonly 'allow-http'?: boolean | undefined;
}

async function findBundle(
  { router, origin, 'allow-http': allowHttp }: Source,
  positionals: readonly string[],
  nonce: Uint8Array | undefined,
  { environment }: CommandContext,
): Promise<{ readonly bundle: Uint8Array; readonly origin: string }> {
  if (positionals.length > 0) {
    const path = onePositional(positionals, 'one bundle');
    if (router !== undefined) throw new UsageError('give --router or a bundle, not both');
    if (origin === undefined) throw new UsageError('give --origin: evidence of any router proves nothing of yours');
    return { bundle: await readBounded(path, MAX_BUNDLE_BYTES), origin: originOf(origin) };
  }
  const routerUrl = router ?? environment['SOTTO_BASE_URL'];
  if (routerUrl === undefined) throw new UsageError('give --router URL, or a bundle');
  if (origin !== undefined) throw new UsageError('--origin is for a bundle: a router is known by its own address');
  return fetchBundle({ routerUrl, allowHttp: allowHttp === true || isLoopbackUrl(routerUrl), nonce });
}

async function policyOf(path: string | undefined, tier: string | undefined): Promise<AttestationPolicyInput> {
  if (tier !== undefined && !isSecurityTier(tier)) throw new UsageError('--tier takes standard, high or maximum');
  if (path === undefined) {
    if (tier !== undefined) throw new UsageError('--tier tightens a policy: give --policy FILE too');
    return observingPolicy();
  }
  const policy = await readPolicy(path);
  return tier === undefined ? policy : tierPreset(tier, policy).policy;
}

function originOf(text: string): string {
  try {
    return new URL(text).origin;
  } catch {
    throw new UsageError('--origin takes a URL, such as https://router.example');
  }
}
