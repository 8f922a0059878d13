import { ConfigurationError } from '@sotto/protocol';
import { PINNED_ROOTS, type TrustRoots } from './roots.ts';
import type { VerificationTime } from './x509/chain.ts';

/** Five minutes: what clocks of clients are off by, and short beside every validity it is added to. */
export const DEFAULT_CLOCK_SKEW_MS = 300_000;

/** What every verifier takes beside the evidence. */
export interface VerificationOptions {
  /** The moment the evidence is judged at. */
  readonly now: Date;
  /** How far the vendor's clock may be from `now`, in milliseconds; {@link DEFAULT_CLOCK_SKEW_MS} unless told. */
  readonly clockSkewMs?: number;
  /** Other roots than the vendors', for tests against a synthetic PKI. */
  readonly roots?: TrustRoots;
}

/** {@link VerificationOptions} with their defaults. */
export interface VerificationContext extends VerificationTime {
  readonly roots: TrustRoots;
}

/** @throws ConfigurationError `invalid_option`: every comparison with an invalid date is false, and would pass */
export function verificationContext({ now, clockSkewMs, roots }: VerificationOptions): VerificationContext {
  const skew = clockSkewMs ?? DEFAULT_CLOCK_SKEW_MS;
  if (Number.isNaN(now.getTime()) || !Number.isFinite(skew) || skew < 0) {
    throw new ConfigurationError('now must be a valid date and clockSkewMs a number of at least 0', {
      code: 'invalid_option',
    });
  }
  return { now: now.getTime(), clockSkewMs: skew, roots: roots ?? PINNED_ROOTS };
}
