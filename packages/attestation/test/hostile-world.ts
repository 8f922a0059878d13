import { AttestationError, PolicyError } from '@sotto/protocol';
import { expect } from 'vitest';
import type { AttestationPolicyInput } from '../src/policy/policy.ts';
import { createSyntheticPlatforms, type SyntheticPlatforms } from '../src/testing/synthetic-router.ts';
import { verifyBundle } from '../src/verify-bundle.ts';

export const NOW: Date = new Date('2026-03-01T12:00:00Z');
/** What a synthetic bundle of these tests is of. */
export const ROUTER = { keyConfig: new Uint8Array(41).fill(7), origin: 'https://router.example', now: NOW } as const;
/** Far above what any of it takes, and far below what a loop without an end would. */
const MAX_MS = 5_000;

/** Everything that can be allowed is: what is garbled must fail before the policy, or not matter. */
const POLICY: AttestationPolicyInput = {
  platforms: [
    { type: 'sev-snp', dangerouslyAcceptAnyMeasurement: true },
    { type: 'tdx', dangerouslyAcceptAnyMeasurement: true },
    { type: 'dstack-tdx', dangerouslyAcceptAnyMeasurement: true, composeHashes: ['cc'.repeat(32)] },
    { type: 'aws-nitro', dangerouslyAcceptAnyMeasurement: true },
  ],
  dangerouslyAllowSoftware: true,
};

/** Verifies a bundle of a synthetic world. */
export function verifyIn({ roots }: SyntheticPlatforms, received: string | Uint8Array): Promise<unknown> {
  return verifyBundle(received, POLICY, { expectedOrigin: ROUTER.origin, now: NOW, roots });
}

/** Passes where the outcome is a result or one of our errors, and came soon; anything else is thrown on. */
export async function endsWell(verification: () => Promise<unknown>): Promise<void> {
  const begin = performance.now();
  try {
    await verification();
  } catch (error) {
    if (!AttestationError.isInstance(error) && !PolicyError.isInstance(error)) throw error;
  }
  expect(performance.now() - begin).toBeLessThan(MAX_MS);
}

/** The synthetic world these tests are in. */
export function hostileWorld(): Promise<SyntheticPlatforms> {
  return createSyntheticPlatforms(NOW);
}
