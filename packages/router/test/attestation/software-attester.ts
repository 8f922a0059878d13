import { generateKeyPairSync, sign } from 'node:crypto';
import { type Evidence, SOFTWARE_WARNING, softwareSignedBytes } from '@sotto/attestation';
import type { KeyClaims } from '@sotto/protocol/key-statement';
import type { AttestationEvent } from '../../src/attestation/attestation-event.ts';
import type { EndorsedAttester } from '../../src/attestation/endorsed-attester.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** Evidence of a process, which verifies: the cheapest there is. */
export function softwareEvidence(reportData: Uint8Array): Evidence {
  return {
    type: 'software',
    publicKey: new Uint8Array(publicKey.export({ format: 'der', type: 'spki' })),
    signature: new Uint8Array(
      sign('sha256', softwareSignedBytes(reportData), { key: privateKey, dsaEncoding: 'ieee-p1363' }),
    ),
    warning: SOFTWARE_WARNING,
  };
}

/** An attester that a test can hold up, break, and ask what it was asked. */
export class ScriptedAttester implements EndorsedAttester {
  readonly type = 'software';
  readonly asked: Uint8Array[] = [];
  readonly signals: AbortSignal[] = [];
  /** How often it was told to fetch the vendor's documents anew. */
  forgotten = 0;
  /** What it does at its next calls, first come first; then it works. */
  readonly script: ((reportData: Uint8Array) => Promise<Evidence>)[] = [];

  async attest(reportData: Uint8Array, signal: AbortSignal): Promise<Evidence> {
    this.asked.push(reportData);
    this.signals.push(signal);
    return this.script.shift()?.(reportData) ?? softwareEvidence(reportData);
  }

  forget(): void {
    this.forgotten++;
  }
}

/** Claims of a router whose evidence is software's. */
export function insecureClaims(issuedAtMs: number, changes: Partial<KeyClaims> = {}): KeyClaims {
  return {
    kid: 'k1',
    keyConfigs: new Uint8Array(41).fill(7),
    origin: 'https://router.example',
    epoch: 1,
    issuedAt: issuedAtMs / 1_000,
    expiresAt: issuedAtMs / 1_000 + 90_000,
    minProtocol: 'ohttp',
    rsaKeySha256: null,
    ehbpKey: null,
    software: { name: 'sotto', version: '0' },
    insecure: true,
    ...changes,
  };
}

/** Events in the order they came, one at a time. */
export class EventList {
  readonly #come: AttestationEvent[] = [];
  readonly #waiting: ((event: AttestationEvent) => void)[] = [];

  readonly push = (event: AttestationEvent): void => {
    const next = this.#waiting.shift();
    if (next === undefined) this.#come.push(event);
    else next(event);
  };

  /** The next event, that has come or will. */
  next(): Promise<AttestationEvent> {
    const come = this.#come.shift();
    return come === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(come);
  }
}
