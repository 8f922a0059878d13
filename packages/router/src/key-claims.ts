import { createHash } from 'node:crypto';
import type { KeyClaims, StatedProtocol } from '@sotto/protocol/key-statement';
import type { RouterConfig } from './config/schema.ts';
import type { KeySchedule } from './hpke-keys/key-schedule.ts';
import { version } from './version.ts';

/** Weakest first. */
const STRENGTH: readonly StatedProtocol[] = ['clear', 'nomyo-v1', 'ehbp', 'ohttp'];

/** What the router says of its keys now. */
export function keyClaims(config: RouterConfig, keys: KeySchedule, rsaKeySha256: string | null): KeyClaims {
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
    software: { name: '@sotto/router', version },
  };
}
