import { createSyntheticPlatforms, type SyntheticPlatforms } from '../../src/testing/synthetic-router.ts';

/** The moment that the attesters' tests are at. */
export const NOW: Date = new Date('2026-03-01T12:00:00Z');
export const REPORT_DATA: Uint8Array = new Uint8Array(64).map((_, index) => index + 1);
/** Of a caller who never gives up. */
export const NEVER: AbortSignal = new AbortController().signal;

/** A caller who has given up. */
export const abandoned = (): AbortSignal => AbortSignal.abort();

let genoa: Promise<SyntheticPlatforms> | undefined;

/** One synthetic world for all tests of a process: its keys take seconds. */
export function syntheticWorld(): Promise<SyntheticPlatforms> {
  genoa ??= createSyntheticPlatforms(NOW);
  return genoa;
}
