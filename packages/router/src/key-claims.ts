import { createHash } from 'node:crypto';
import type { KeyClaims, StatedProtocol } from '@sotto/protocol/key-statement';
import type { RouterConfig } from './config/schema.ts';
import type { KeySchedule } from './hpke-keys/key-schedule.ts';
import { version } from './version.ts';

/** Weakest first. */
const STRENGTH: readonly StatedProtocol[] = ['clear', 'nomyo-v1', 'ehbp', 'ohttp'];

/** What the claims say beside the keys that rotate; it does not change while the router runs. */
export type StandingClaims = Pick<KeyClaims, 'tlsSpkiSha256' | 'upstreamPolicySha256' | 'receiptKey' | 'insecure'>;

/**
 * What the router says of its keys now. All of it comes from the configuration and from what processes that share
 * keys share: workers state the same claims to the byte, so that evidence of one is evidence of all.
 */
export function keyClaims(
  config: RouterConfig,
  keys: KeySchedule,
  rsaKeySha256: string | null,
  standing: StandingClaims = {},
): KeyClaims {
  const { seed, ehbpKeyPair } = keys.current;
  const serves = (protocol: StatedProtocol): boolean => config.protocols.some((each) => each === protocol);
  const keyConfigs = serves('ohttp') ? keys.encodedConfigs : new Uint8Array(0);
  return {
    kid: createHash('sha256').update(keyConfigs).update(ehbpKeyPair.publicKey).digest('hex').slice(0, 16),
    keyConfigs,
    origin: config.publicUrl === undefined ? null : new URL(config.publicUrl).origin,
    epoch: seed.epoch,
    issuedAt: Math.floor(seed.madeAtMs / 1000),
    expiresAt: Math.ceil(seed.destroyAtMs / 1000),
    minProtocol: STRENGTH.find(serves) ?? 'ohttp',
    rsaKeySha256,
    ehbpKey: serves('ehbp') ? ehbpKeyPair.publicKey : null,
    software: { name: '@sotto/router', version, ...config.attestation.software },
    ...standing,
  };
}
