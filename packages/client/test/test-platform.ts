import { nodeCrypto } from '@sotto/protocol/node';
import { generateRsaKeyPair, type RsaKeyPair } from '@sotto/protocol/nomyo-v1';
import type { Clock } from '../src/clock.ts';
import { userAborted } from '../src/deadline.ts';
import { nodePlatform } from '../src/node/node-platform.ts';
import type { Platform } from '../src/platform.ts';

/** The shortest keys that the wire takes: made in a tenth of the time of the usual ones. */
export const TEST_MODULUS_BITS = 2_048;

const shared: Promise<RsaKeyPair>[] = [];

/** A key pair that all tests of a file share. Its private bytes are a copy: clients zero them. */
export async function sharedKeyPair(index: number): Promise<RsaKeyPair> {
  shared[index] ??= generateRsaKeyPair(nodeCrypto, TEST_MODULUS_BITS);
  const pair = await shared[index];
  return { ...pair, pkcs8: pair.pkcs8.slice() };
}

/** A clock whose delays take no time and are written down. */
export class RecordingClock implements Clock {
  readonly delays: number[] = [];
  nowMs = 1_800_000_000_000;
  /** Called instead of returning at once, for tests of what happens meanwhile. */
  onDelay: () => Promise<void> = async () => undefined;

  now(): number {
    return this.nowMs;
  }

  async delay(milliseconds: number, signal: AbortSignal | null): Promise<void> {
    this.delays.push(milliseconds);
    await this.onDelay();
    if (signal?.aborted) throw userAborted();
  }
}

/** Node's platform with a key pair that is there already and a clock that does not wait. */
export interface TestPlatform extends Platform {
  readonly clock: RecordingClock;
  /** How often a key pair was made. */
  readonly generated: () => number;
}

/** @param generateKeyPair default: the shared pair 0, which differs from the stand-in router's */
export function testPlatform(
  environment: Readonly<Record<string, string>> = {},
  generateKeyPair: () => Promise<RsaKeyPair> = () => sharedKeyPair(0),
): TestPlatform {
  let count = 0;
  return {
    ...nodePlatform,
    clock: new RecordingClock(),
    environment: (name) => environment[name] ?? null,
    generateKeyPair() {
      count++;
      return generateKeyPair();
    },
    generated: () => count,
  };
}
