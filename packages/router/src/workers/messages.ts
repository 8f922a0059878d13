import type { AttestationEvent } from '../attestation/attestation-event.ts';
import type { RouterConfig } from '../config/schema.ts';
import type { GenerationSeed } from '../hpke-keys/key-generation.ts';
import type { MetricSnapshot } from '../metrics/metric-snapshot.ts';
import type { Announcement } from '../open-records.ts';
import type { ReplayOutcome } from '../replay/replay-memory.ts';

/** The keys that all workers share; they live in the processes' memory and in the channel between them. */
export interface SharedSecrets {
  /** PKCS#8 DER in base64; null without nomyo-v1. */
  readonly rsaPkcs8: string | null;
  /** PKCS#8 PEM. */
  readonly identityPem: string;
  /** The receipts' key, PKCS#8 PEM: made in the primary, and in no file. */
  readonly receiptPem: string;
  /** The HPKE keys in use now, oldest first. */
  readonly seeds: readonly GenerationSeed[];
  /** 32 bytes in base64: what is kept is hashed and sealed under it. */
  readonly storageKey: string;
}

/** What the primary process tells a worker. */
export type ToWorker =
  | {
      readonly sotto: 'start';
      readonly config: RouterConfig;
      /** Where to listen: with port 0 in the configuration, the port that the first workers got. */
      readonly listen: string;
      readonly secrets: SharedSecrets;
      readonly logs: boolean;
    }
  | { readonly sotto: 'rotate'; readonly seed: GenerationSeed }
  | { readonly sotto: 'shut-down' }
  /** Read this configuration, and say whether you can take it over. The seed is of keys that may have to come with it. */
  | {
      readonly sotto: 'prepare';
      /** Goes with all that is said of it: an answer may come when another is already voted on. */
      readonly vote: number;
      readonly config: RouterConfig;
      readonly seed?: GenerationSeed;
    }
  /** Take over what was prepared, or let go of it. */
  | { readonly sotto: 'commit' | 'discard'; readonly vote: number }
  /** Another worker has changed the store. */
  | { readonly sotto: 'reload'; readonly what: Announcement }
  /** Tell what you have counted. */
  | { readonly sotto: 'metrics-ask'; readonly call: number }
  | {
      readonly sotto: 'metrics-gathered';
      readonly call: number;
      readonly processes: readonly (readonly MetricSnapshot[])[];
    }
  | { readonly sotto: 'replay-outcome'; readonly call: number; readonly outcome: ReplayOutcome };

/** What a worker tells the primary process. */
export type ToPrimary =
  /** The worker's modules are loaded: it can be started, and is told nothing before that. */
  | { readonly sotto: 'ready' }
  | {
      readonly sotto: 'listening';
      readonly url: string;
      readonly rsaFingerprint: string | null;
      readonly signerFingerprint: string;
    }
  | { readonly sotto: 'failed'; readonly message: string }
  | {
      readonly sotto: 'prepared';
      readonly vote: number;
      readonly changed: readonly string[];
      readonly replacesKeys: boolean;
    }
  | { readonly sotto: 'unprepared'; readonly vote: number; readonly message: string }
  | { readonly sotto: 'internal-error'; readonly requestId: string; readonly name: string }
  | { readonly sotto: 'attestation'; readonly event: AttestationEvent }
  | { readonly sotto: 'replay-add'; readonly call: number; readonly id: string }
  | { readonly sotto: 'replay-forget'; readonly id: string }
  | { readonly sotto: 'metrics-told'; readonly call: number; readonly own: readonly MetricSnapshot[] }
  /** Whoever asked this worker wants to know what all have counted. */
  | { readonly sotto: 'metrics-gather'; readonly call: number; readonly own: readonly MetricSnapshot[] }
  /** The worker has changed the store. */
  | { readonly sotto: 'announce'; readonly what: Announcement };

/** Whether a message over the channel is one of ours; other libraries send theirs over the same one. */
export function isOurs(message: unknown): message is { readonly sotto: string } {
  return typeof message === 'object' && message !== null && 'sotto' in message;
}
