import type { SecurityTier } from '@sotto/protocol';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { FoundKeys, KeySource } from '../ohttp/key-source.ts';
import type { RouterMemory } from '../router-memory.ts';
import type { RouterUrl } from '../router-url.ts';
import type { Transport } from '../transport.ts';
import type { AttestationOptions } from './attestation-options.ts';
import type { AttestationRecord } from './attestation-status.ts';

/** What evidence is fetched and verified with. */
export interface AttestationSettings {
  readonly runtime: { readonly transport: Transport; readonly clock: Pick<Clock, 'now'> };
  readonly memory: RouterMemory;
  readonly log: Log;
}

/** Whose evidence is verified, and for which tier. */
export interface AttestationSubject extends AttestationSettings {
  readonly router: RouterUrl;
  readonly tier: SecurityTier;
  readonly options: AttestationOptions;
  readonly record: AttestationRecord;
}

/** The keys that verified evidence commits to. */
export interface AttestedKeys {
  /** `application/ohttp-keys` (RFC 9458 §3.2); empty where the router has no ohttp. */
  readonly keyConfigs: Uint8Array;
  /** SHA-256 of the RSA key's SubjectPublicKeyInfo, lower-case hexadecimal; null without nomyo-v1. */
  readonly rsaKeySha256: string | null;
  readonly verifiedAtMs: number;
  readonly validUntilMs: number;
}

/** {@link AttestedKeys}, and how long they may be used, in milliseconds. */
export interface FreshKeys extends AttestedKeys {
  readonly freshMs: number;
}

/** One router's evidence for one tier. */
export interface RouterAttestation {
  /**
   * What the router has proved: verified when first needed, and anew before its time ends.
   * @throws AttestationError, PolicyError, ConfigurationError
   */
  current(signal: AbortSignal): Promise<FreshKeys>;
  /** The same of evidence that is fetched now: the router does not have the keys of the old any more. */
  renew(signal: AbortSignal): Promise<FreshKeys>;
  /** The attested keys, held against those that the client was told of; throws like `findAttestedKeys`. */
  agreeing(told: KeySource, signal: AbortSignal, revalidate: boolean): Promise<FoundKeys>;
}

/** An app that asks for no evidence does not load what verifies it. */
export function routerAttestation(subject: AttestationSubject): RouterAttestation {
  let loading: Promise<RouterAttestation> | null = null;
  const keeper = () => {
    loading ??= import('./evidence-keeper.ts').then(({ EvidenceKeeper }) => new EvidenceKeeper(subject));
    return loading;
  };
  return {
    current: async (signal) => (await keeper()).current(signal),
    renew: async (signal) => (await keeper()).renew(signal),
    agreeing: async (...found) => (await keeper()).agreeing(...found),
  };
}
