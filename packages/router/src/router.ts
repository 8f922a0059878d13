import type { RouterConfig, RouterConfigInput } from './config/schema.ts';
import type { Environment } from './config/secrets.ts';
import type { GenerationSeed } from './hpke-keys/key-generation.ts';
import type { Handler } from './http/exchange.ts';
import type { LogDestination } from './logs/log-destination.ts';
import type { MetricSnapshot } from './metrics/metric-snapshot.ts';
import type { AttestationOptions } from './open-attestation.ts';
import type { Announcement } from './open-records.ts';
import type { PreparedConfig } from './present-serving.ts';
import type { LimiterFactory } from './rate-limits/limiter-factory.ts';
import type { ReplayMemory } from './replay/replay-memory.ts';
import type { WebSocketDoor } from './websocket/websocket-door.ts';

/** What a program that embeds the router may bring instead of what the router would make itself. */
export interface RouterOptions extends AttestationOptions {
  /** Where secrets named by the configuration are looked up. Default: `process.env`. */
  readonly environment?: Environment;
  /** Told of the router's own failures, with the request's id or the part that failed; never of a request's content. */
  readonly onInternalError?: (requestId: string, error: unknown) => void;
  /** Where the log goes, one JSON object a line. Absent: the router writes none. */
  readonly log?: LogDestination | undefined;
  /** The metrics of the other processes that serve for this router, where there are several; `own` are this one's. */
  readonly gatherMetrics?: (own: readonly MetricSnapshot[]) => Promise<readonly (readonly MetricSnapshot[])[]>;
  /** The RSA key, PKCS#8 DER, where several processes share one. */
  readonly rsaPkcs8?: Uint8Array;
  /** The identity's private key, PKCS#8 PEM, where several processes share one. */
  readonly identityPem?: string;
  /** Where the HPKE keys come from, where several processes share them; the router then makes none of its own. */
  readonly keySeeds?: SharedKeySeeds;
  /** The memory against replays, where several processes share one. */
  readonly replays?: ReplayMemory;
  /** Makes the counters of limits and budgets, where several processes share them. */
  readonly makeLimiter?: LimiterFactory;
  /** 32 bytes that everything kept is hashed and sealed under, where several processes share them. */
  readonly storageKey?: Uint8Array;
  /** Tells other processes that share the store to {@link Router.reload}. */
  readonly announce?: (what: Announcement) => void;
}

/** HPKE keys that another process makes. */
export interface SharedKeySeeds {
  /** Those in use now, oldest first; at least one. */
  readonly live: readonly GenerationSeed[];
  /** Calls `listener` with each that comes. */
  subscribe(listener: (seed: GenerationSeed) => Promise<void> | void): void;
  /** Has the next made ahead of the schedule. */
  rotate?(): Promise<void>;
  /** No more of them are needed. */
  close?(): void;
}

/** A router: one handler, and the doors to it. */
export interface Router {
  /** The one that is served now. */
  readonly config: RouterConfig;
  /** Answers an exchange. Never rejects. */
  readonly handle: Handler;
  /** Answers a Web `Request`: for embedding and tests. `serve` costs less. */
  fetch(request: Request): Promise<Response>;
  /** Takes WebSocket connections; each of their messages is answered by the handler. */
  readonly webSockets: WebSocketDoor;
  /** SHA-256 of the RSA public key's SubjectPublicKeyInfo in hexadecimal; null without nomyo-v1. */
  readonly rsaFingerprint: string | null;
  /** SHA-256 of the Ed25519 identity that signs `/pki/keys`, in hexadecimal: what clients name in `pinnedSigners`. */
  readonly signerFingerprint: string;
  /** Makes new HPKE keys now, ahead of the schedule; the old ones are still opened for the overlap. */
  rotateKeys(): Promise<void>;
  /** What this process has counted so far. */
  measure(): Promise<readonly MetricSnapshot[]>;
  /** Models on offer now, aliases included. */
  models(): Promise<readonly string[]>;
  /** Reads anew what another process has changed in the store. */
  reload(what: Announcement): Promise<void>;
  /**
   * Reads another configuration and all that it names. Nothing changes before it is committed.
   * @param shared the seed of new HPKE keys, where another process makes them
   * @throws ConfigurationError `invalid_config`, `invalid_key_file`: also where a key has changed that needs a restart
   */
  prepare(input: RouterConfigInput, shared?: GenerationSeed): Promise<PreparedConfig>;
  /** Has probes told that the router will end, and goes on answering. */
  leave(): void;
  /** Refuses new requests with a 503, and settles when those under way are over. */
  drain(): Promise<void>;
  /** Ends what is under way with the error `shutting_down`: as an event in streams that have begun, sealed in sealed ones. */
  endUnderWay(): void;
  /** Writes what is not written yet, and lets go of the store, upstream connections and models. */
  close(): Promise<void>;
}
