import { SECURITY_TIERS } from '@sotto/protocol';
import { z } from 'zod';
import { isPrivateAddress, isUpstreamAddress } from './address.ts';

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'letters, digits, dots, dashes and underscores, 64 at most');
const tier = z.enum(SECURITY_TIERS);
const seconds = z.int().min(1).max(86_400);
const milliseconds = z.int().min(1).max(3_600_000);
const modelId = z.string().min(1).max(256);

/** The ways in, the best first. `clear` is plain OpenAI routes, tier standard only. */
const PROTOCOLS = ['ohttp', 'nomyo-v1', 'ehbp', 'clear'] as const;

const tls = z.strictObject({ certFile: z.string(), keyFile: z.string() });

const keyLimits = z.strictObject({
  requestsPerMinute: z.int().min(1).optional(),
  requestsPerDay: z.int().min(1).optional(),
});

const apiKey = z
  .strictObject({
    name,
    key: z.string().min(8).max(512).optional(),
    keyFile: z.string().optional(),
    keyEnv: z.string().optional(),
    /** Model ids, any of which may end in `*`. */
    models: z.array(modelId).min(1).optional(),
    tiers: z.array(tier).min(1).optional(),
    limits: keyLimits.optional(),
  })
  .refine((key) => [key.key, key.keyFile, key.keyEnv].filter((source) => source !== undefined).length === 1, {
    error: 'give exactly one of key, keyFile and keyEnv',
  });

const upstreamShared = {
  name,
  tier: tier.default('standard'),
  models: z.array(modelId).min(1).optional(),
  /** Its share among the upstreams that offer the same model. */
  weight: z.int().min(1).max(1_000).default(1),
};

const openaiUpstream = z
  .strictObject({
    type: z.literal('openai').default('openai'),
    ...upstreamShared,
    /** `http://host:port/v1`, `https://…`, or `unix:/path/to.sock:/v1`. */
    baseUrl: z
      .string()
      .refine(isUpstreamAddress, 'an http:, https: or unix: address without password, query and fragment'),
    /** Requests to it at once; further ones wait. */
    maxConcurrent: z.int().min(1).max(100_000).default(1_024),
    apiKeyEnv: z.string().optional(),
    apiKeyFile: z.string().optional(),
    /** The operator's word that the upstream runs inside the router's own TEE. */
    sameTee: z.boolean().default(false),
    /** Ask the server for its models: so it is anyway where none are named. */
    discover: z.boolean().optional(),
    connectTimeoutMs: milliseconds.default(5_000),
    /** To the first byte of an answer. */
    timeoutMs: milliseconds.default(600_000),
    /** Between two chunks of an answer. */
    idleTimeoutMs: milliseconds.default(120_000),
  })
  .superRefine((upstream, context) => {
    const near = isPrivateAddress(upstream.baseUrl);
    if (upstream.tier === 'maximum' && !(near && upstream.sameTee)) {
      context.addIssue({
        code: 'custom',
        path: ['tier'],
        message: 'maximum is for upstreams on loopback or a unix socket with sameTee: true, and for type builtin',
      });
    }
    if (upstream.discover === (upstream.models !== undefined)) {
      context.addIssue({
        code: 'custom',
        path: ['discover'],
        message: 'either name the models, or let them be discovered',
      });
    }
    if (upstream.tier === 'high' && !near && upstream.baseUrl.startsWith('http:')) {
      context.addIssue({
        code: 'custom',
        path: ['baseUrl'],
        message: 'tier high needs https, loopback or a unix socket',
      });
    }
    if (upstream.sameTee && !near) {
      context.addIssue({
        code: 'custom',
        path: ['sameTee'],
        message: 'only loopback or a unix socket can be in the same TEE',
      });
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

const upstream = z.preprocess(
  // `type` may be left out: then it is openai, and the union needs to see it.
  (value) => (typeof value === 'object' && value !== null && !('type' in value) ? { type: 'openai', ...value } : value),
  z.discriminatedUnion('type', [openaiUpstream, builtinUpstream]),
);

const modelSettings = z.strictObject({
  defaultTier: tier.optional(),
  /** Has no effect yet. */
  contextTokens: z.int().min(1).optional(),
  /** Has no effect yet. */
  price: z.looseObject({}).optional(),
});

const limits = z.strictObject({
  /** Longest request body in clear; a nomyo-v1 payload has at most 10 MiB whatever this says. */
  bodyBytes: z.int().min(1_024).max(1_073_741_824).default(33_554_432),
  headerBytes: z.int().min(1_024).max(1_048_576).default(32_768),
  /** Answers under way at once; further requests get a 503. */
  openStreams: z.int().min(1).max(1_000_000).default(10_000),
  replayWindowSeconds: seconds.default(300),
  /** Longest unstreamed answer of an upstream. */
  answerBytes: z.int().min(1_024).max(1_073_741_824).default(67_108_864),
});

/** The router's configuration. Unknown keys are errors, so that a misspelt limit is not a missing one. */
export const configSchema = z
  .strictObject({
    /** `host:port`, `[v6]:port`, or `unix:/path`. */
    listen: z.string().default('127.0.0.1:12434'),
    publicUrl: z.url({ protocol: /^https?$/ }).optional(),
    tls: tls.optional(),
    protocols: z
      .array(z.enum(PROTOCOLS))
      .min(1)
      .default([...PROTOCOLS]),
    /** Has no effect yet: this version stores nothing. */
    storage: z
      .string()
      .regex(/^(memory:|sqlite:.+|postgres(ql)?:\/\/.+)$/, 'memory:, sqlite:PATH or postgres://…')
      .default('memory:'),
    /** Has no effect yet: this version has no administration API. */
    admin: z.strictObject({ key: z.string().optional(), keyFile: z.string().optional() }).optional(),
    auth: z.enum(['keys', 'open']).default('keys'),
    keys: z.array(apiKey).default([]),
    upstreams: z.array(upstream).min(1),
    models: z.record(modelId, modelSettings).default({}),
    aliases: z.record(modelId, z.array(modelId).min(1)).default({}),
    limits: limits.prefault({}),
    /** How long a shutdown waits for what is under way. */
    shutdownGraceSeconds: seconds.default(30),
    nomyoV1: z
      .strictObject({
        /** PKCS#8 PEM; without it the key is made at start and lives in memory only. */
        keyFile: z.string().optional(),
        /** Copies of the private key that decrypt side by side; by default two a core. */
        keyCopies: z.int().min(1).max(64).optional(),
        /** Decryptions that may wait; further requests get a 503. */
        queue: z.int().min(1).max(100_000).default(512),
        /** Silence before white space is sent to keep a waiting client from giving up. */
        keepAliveSeconds: seconds.default(20),
      })
      .prefault({}),
    ohttp: z
      .strictObject({
        /** A key serves this long; 900 keeps its id from coming back within a day. */
        rotationSeconds: z.int().min(900).max(2_592_000).default(86_400),
        /** A key is opened this much longer after its successor came, and then destroyed. */
        overlapSeconds: z.int().min(60).max(86_400).default(3_600),
        /** Streamed events are gathered this long into one chunk; tier maximum gathers 10 ms at least. */
        coalesceMs: z.int().min(0).max(1_000).default(0),
      })
      .prefault({}),
    identity: z
      .strictObject({
        /** Ed25519, PKCS#8 PEM; without it the identity is made at start and ends with the router. */
        keyFile: z.string().optional(),
      })
      .prefault({}),
    cors: z
      .strictObject({
        /** Origins of pages that may call; default `*` with API keys, and none with auth: open. */
        origins: z.array(z.string()).optional(),
      })
      .prefault({}),
    attestation: z.strictObject({ attester: z.literal('none').default('none') }).prefault({}),
  })
  .superRefine((config, context) => {
    const issue = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    if (config.auth === 'keys' && config.keys.length === 0) {
      issue(['keys'], 'no API key is defined: add one, or say auth: open to let everybody in');
    }
    if (config.auth === 'open' && config.keys.length > 0)
      issue(['auth'], 'auth: open would make the keys below it meaningless');
    reportRepeats(
      config.keys.map((key) => key.name),
      (index) => issue(['keys', index, 'name'], 'this name is used twice'),
    );
    reportRepeats(
      config.upstreams.map((each) => each.name),
      (index) => issue(['upstreams', index, 'name'], 'this name is used twice'),
    );
  });

function reportRepeats(names: readonly string[], report: (index: number) => void): void {
  names.forEach((each, index) => {
    if (names.indexOf(each) !== index) report(index);
  });
}

/** The configuration as an operator writes it. */
export type RouterConfigInput = z.input<typeof configSchema>;
/** The configuration with its defaults. */
export type RouterConfig = z.output<typeof configSchema>;
/** One upstream's configuration. */
export type UpstreamConfig = RouterConfig['upstreams'][number];
/** An OpenAI-compatible upstream's configuration. */
export type OpenaiUpstreamConfig = Extract<UpstreamConfig, { type: 'openai' }>;
/** One API key's configuration. */
export type KeyConfig = RouterConfig['keys'][number];
