import type { SecurityTier } from '@sotto/protocol';
import type { BreakerState } from './circuit-breaker.ts';
import type { UpstreamClass } from './upstream.ts';

/** How one upstream fares now: for administration, metrics and readiness. Holds no address and no key. */
export interface UpstreamState {
  readonly name: string;
  readonly tier: SecurityTier;
  readonly class: UpstreamClass;
  /** False once its probes failed; true where it is not probed. */
  readonly healthy: boolean;
  readonly breaker: BreakerState;
  /** Milliseconds for which it takes no new calls: its breaker is open, or it asked for patience. 0: it takes them. */
  readonly closedForMs: number;
  /** Calls it is answering. */
  readonly underWay: number;
  /** Calls that wait for a place. */
  readonly waiting: number;
  /** Calls it has answered, refusals of the request among them. */
  readonly served: number;
  /** Calls it failed at. */
  readonly failed: number;
  /** Requests it was sent a second time within one call, because the connection had been closed meanwhile. */
  readonly resent: number;
  /** Of those, the last ones without an answered call between them. */
  readonly consecutiveFailures: number;
  /** The error code of the last of them; null where it never failed. */
  readonly lastFailureCode: string | null;
  /** When `healthy` or `breaker` last changed, in milliseconds since the Unix epoch. */
  readonly lastChangeMs: number;
  /** From sending a call to its answer's head: a mean in which the last weighs a tenth. Null before the first. */
  readonly averageFirstByteMs: number | null;
  /** The HTTP status of its last probe; null where there was none, or no answer. */
  readonly probeStatus: number | null;
}
