import { z } from 'zod';
import { attestationSchema, checkAttestedConfig } from '../attestation/config.ts';
import { chatbotSchema, DEFAULT_TTL_SECONDS } from '../chatbots/chatbot-schema.ts';
import { isRedisUrl } from '../replicas/redis-url.ts';
import { isPostgresUrl, parsePostgresAddress } from '../storage/postgres/postgres-address.ts';
import { holdsPassword } from '../storage/storage-password.ts';
import { keySchema } from './key-schema.ts';
import { loggingSchema } from './logging-schema.ts';
import { modelSchema } from './model-schema.ts';
import { tracingSchema } from './tracing-schema.ts';
import { upstreamSchema } from './upstream-schema.ts';

const seconds = z.int().min(1).max(86_400);
const modelId = z.string().min(1).max(256);

/** The ways in, the best first. `clear` is plain OpenAI routes, tier standard only. */
const PROTOCOLS = ['ohttp', 'nomyo-v1', 'ehbp', 'clear'] as const;

const secret = z
  .strictObject({ key: z.string().optional(), keyFile: z.string().optional(), keyEnv: z.string().optional() })
  .refine(({ key, keyFile, keyEnv }) => [key, keyFile, keyEnv].filter((source) => source !== undefined).length === 1, {
    error: 'give exactly one of key, keyFile and keyEnv',
  });

const tls = z.strictObject({ certFile: z.string(), keyFile: z.string() });

const limits = z.strictObject({
  /** Longest request body in clear; a nomyo-v1 payload has at most 10 MiB whatever this says. */
  bodyBytes: z.int().min(1_024).max(1_073_741_824).default(33_554_432),
  headerBytes: z.int().min(1_024).max(1_048_576).default(32_768),
  /** Header fields of a request. */
  headers: z.int().min(16).max(2_000).default(100),
  /** Longest wait for a whole request: 32 MiB take 270 s at 1 Mbit/s. */
  requestSeconds: z.int().min(1).max(3_600).default(300),
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
    /** Where keys made at run time, aliases, chatbots, conversations and usage are kept. */
    storage: z
      .string()
      .regex(/^(memory:|sqlite:.+|postgres(ql)?:\/\/.+)$/, 'memory:, sqlite:PATH or postgres://USER@HOST/DATABASE')
      .default('memory:'),
    /** That of storage's user, where storage is a PostgreSQL URL without one; by default PGPASSWORD. */
    storagePassword: secret.optional(),
    /** How long a start waits for a database server that is not there. */
    storageWaitSeconds: z.int().min(0).max(3_600).default(30),
    /** What stored keys are hashed under and conversations sealed: 32 bytes in base64. Needed unless storage is memory:. */
    storageKey: secret.optional(),
    /** What all replicas share: counts of limits and budgets, the memory against replays, announcements. */
    redis: z.string().refine(isRedisUrl, 'redis://host:port or rediss://host:port').optional(),
    replay: z
      .strictObject({
        /** While Redis is away: refuse what this machine has seen, or refuse all sealed requests. */
        whenAway: z.enum(['local', 'refuse']).default('local'),
      })
      .prefault({}),
    /** Replicas with the same secret have the same keys: requests that are sealed to one are opened by all. */
    cluster: z
      .strictObject({
        /** Tells clusters apart that use one Redis. */
        name: z
          .string()
          .regex(/^[A-Za-z0-9._-]{1,64}$/, 'up to 64 letters, digits, dots, underscores and hyphens')
          .default('sotto'),
        /** 32 bytes in base64, that the keys are sealed under on their way through Redis. */
        secret,
      })
      .optional(),
    /** The administration API's own credential; without it there is no such API. */
    admin: secret.optional(),
    /** Who may read /metrics: everybody, who holds the administration key, or nobody. */
    metrics: z.enum(['open', 'admin', 'off']).default('open'),
    auth: z.enum(['keys', 'open']).default('keys'),
    keys: z.array(keySchema).default([]),
    upstreams: z.array(upstreamSchema).min(1),
    models: z.record(modelId, modelSchema).default({}),
    aliases: z.record(modelId, z.array(modelId).min(1)).default({}),
    chatbots: z.array(chatbotSchema).max(1_000).default([]),
    conversations: z
      .strictObject({
        /** How long one is kept after its last message, where its chatbot says nothing else. */
        ttlSeconds: z.int().min(60).max(31_536_000).default(DEFAULT_TTL_SECONDS),
      })
      .prefault({}),
    /** What the keys that the administration API makes begin with. */
    keyPrefix: z
      .string()
      .regex(/^[A-Za-z0-9]{1,16}[_-]$/, 'up to 16 letters and digits, and _ or - behind them')
      .default('sotto_'),
    limits: limits.prefault({}),
    /** How long the router goes on as before once it has told probes that it will end: so long balancers take to notice. */
    drainDelaySeconds: z.int().min(0).max(3_600).default(0),
    /** How long a shutdown waits for what is under way. */
    shutdownGraceSeconds: seconds.default(30),
    nomyoV1: z
      .strictObject({
        /** PKCS#8 PEM; without it the key is made at start and lives in memory only. */
        keyFile: z.string().optional(),
        /** Copies of the private key that decrypt side by side; by default one a core. */
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
    attestation: attestationSchema.prefault({}),
    logging: loggingSchema.prefault({}),
    tracing: tracingSchema.prefault({}),
  })
  .superRefine((config, context) => {
    const issue = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    checkAttestedConfig(config, issue);
    if (config.auth === 'keys' && config.keys.length === 0 && config.admin === undefined) {
      issue(['keys'], 'no API key is defined: add one, or admin to make some, or say auth: open to let everybody in');
    }
    if (config.storage !== 'memory:' && config.storageKey === undefined) {
      issue(['storageKey'], 'a database that lasts needs one: make it with openssl rand -base64 32, and keep it apart');
    }
    checkStorage(config, issue);
    if (config.cluster !== undefined && config.redis === undefined) {
      issue(['cluster'], 'the replicas of a cluster hand each other their keys through Redis: name it in redis');
    }
    if (config.metrics === 'admin' && config.admin === undefined) issue(['metrics'], 'admin needs the key of admin');
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
    reportRepeats(
      config.chatbots.map(({ id }) => id),
      (index) => issue(['chatbots', index, 'id'], 'this id is used twice'),
    );
  });

function checkStorage(
  { storage, storagePassword }: { storage: string; storagePassword?: unknown },
  issue: (path: string[], message: string) => void,
): void {
  const isPostgres = isPostgresUrl(storage);
  if (storagePassword !== undefined && (!isPostgres || holdsPassword(storage))) {
    issue(['storagePassword'], 'it goes with a PostgreSQL URL that holds no password');
  }
  if (!isPostgres) return;
  try {
    parsePostgresAddress(storage);
  } catch (error) {
    // Its words repeat nothing of the URL.
    issue(['storage'], error instanceof Error ? error.message.replace(/^storage: /, '') : 'no PostgreSQL URL');
  }
}

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
