import { ConfigurationError, SECURITY_TIERS } from '@sotto/protocol';
import { z } from 'zod';
import { routerFaults, serverFaults, type TierFault } from '../tiers/upstream-rules.ts';
import { anthropicFields } from '../upstreams/anthropic/config.ts';
import { sottoFields } from '../upstreams/sotto/config.ts';
import { checkEvidencePolicy } from '../upstreams/sotto/evidence-policy.ts';
import { isUpstreamAddress } from './address.ts';
import { upstreamResilience } from './upstream-resilience.ts';

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'letters, digits, dots, dashes and underscores, 64 at most');
const tier = z.enum(SECURITY_TIERS);
const milliseconds = z.int().min(1).max(3_600_000);
const modelId = z.string().min(1).max(256);

const upstreamShared = {
  name,
  tier: tier.default('standard'),
  models: z.array(modelId).min(1).optional(),
  /** Its share among the upstreams that offer the same model. */
  weight: z.int().min(1).max(1_000).default(1),
};

/** What every upstream over HTTP has, a Sotto router too. */
const overHttp = {
  ...upstreamShared,
  /** `http://host:port/v1`, `https://…`, or `unix:/path/to.sock:/v1`. */
  baseUrl: z
    .string()
    .refine(isUpstreamAddress, 'an http:, https: or unix: address without password, query and fragment'),
  /** Requests to it at once; further ones wait. */
  maxConcurrent: z.int().min(1).max(100_000).default(1_024),
  ...upstreamResilience,
  apiKeyEnv: z.string().optional(),
  apiKeyFile: z.string().optional(),
  /** Ask the server for its models: so it is anyway where none are named. */
  discover: z.boolean().optional(),
  connectTimeoutMs: milliseconds.default(5_000),
  /** To the first byte of an answer. */
  timeoutMs: milliseconds.default(600_000),
  /** Between two chunks of an answer. */
  idleTimeoutMs: milliseconds.default(120_000),
};

/** What every upstream has that reads the prompt itself, over HTTP. */
const modelServer = {
  ...overHttp,
  /** The operator's word that the upstream runs inside the router's own TEE. */
  sameTee: z.boolean().default(false),
  /** SHA-256 of the keys one of which its TLS certificate must have; no authority is asked then. */
  tlsSpkiSha256: z
    .array(
      z
        .string()
        .regex(/^[0-9a-f]{64}$/i, '64 hexadecimal digits')
        .toLowerCase(),
    )
    .min(1)
    .max(16)
    .optional(),
};

type Context = z.RefinementCtx<unknown>;

function checkModelServer(upstream: z.output<z.ZodObject<typeof modelServer>>, context: Context): void {
  report(serverFaults(upstream), context);
  checkDiscovery(upstream, context);
  if (upstream.tlsSpkiSha256 !== undefined && !upstream.baseUrl.startsWith('https:')) {
    report([{ key: 'tlsSpkiSha256', message: 'only an https address has a certificate' }], context);
  }
}

function checkDiscovery(
  { discover, models }: Pick<z.output<z.ZodObject<typeof overHttp>>, 'discover' | 'models'>,
  context: Context,
): void {
  if (discover !== (models !== undefined)) return;
  report([{ key: 'discover', message: 'either name the models, or let them be discovered' }], context);
}

function report(faults: readonly TierFault[], context: Context): void {
  for (const { key, message } of faults) context.addIssue({ code: 'custom', path: [key], message });
}

const openaiUpstream = z
  .strictObject({
    type: z.literal('openai').default('openai'),
    ...modelServer,
    /** It takes `stream_options.include_usage`: so the tokens of streams are known. */
    streamUsage: z.boolean().default(true),
    /** It takes `cache_salt` (vLLM, SGLang): so no key can time another's prompts. By default on loopback and unix sockets. */
    cacheSalt: z.boolean().optional(),
  })
  .superRefine(checkModelServer);

const anthropicUpstream = z.strictObject({ ...modelServer, ...anthropicFields }).superRefine(checkModelServer);

const sottoUpstream = z.strictObject({ ...overHttp, ...sottoFields }).superRefine((upstream, context) => {
  report(routerFaults(upstream), context);
  checkDiscovery(upstream, context);
  const { attestation, tier: highest } = upstream;
  if (attestation === undefined) return;
  try {
    checkEvidencePolicy(attestation, highest);
  } catch (error) {
    if (!ConfigurationError.isInstance(error)) throw error;
    report([{ key: 'attestation', message: error.message }], context);
  }
});

const builtinUpstream = z.strictObject({
  ...upstreamShared,
  type: z.literal('builtin'),
  tier: tier.default('maximum'),
  /** Path of a GGUF file; without it, the tiny demonstration model. */
  model: z.string().optional(),
  /** Requests that may wait for their turn: one is answered at a time. */
  maxQueue: z.int().min(1).max(100_000).default(64),
  contextTokens: z.int().min(64).max(1_048_576).optional(),
  threads: z.int().min(1).max(256).optional(),
});

/** One upstream. */
export const upstreamSchema = z.preprocess(
  // `type` may be left out: then it is openai, and the union needs to see it.
  (value) => (typeof value === 'object' && value !== null && !('type' in value) ? { type: 'openai', ...value } : value),
  z.discriminatedUnion('type', [openaiUpstream, anthropicUpstream, sottoUpstream, builtinUpstream]),
);
