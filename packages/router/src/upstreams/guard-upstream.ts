import type { BreakerOptions } from './circuit-breaker.ts';
import { type Clock, systemClock } from './clock.ts';
import { askUpstream, DiscoveredModels, MODELS_PATH } from './discover-models.ts';
import { GuardedUpstream } from './guarded-upstream.ts';
import { HealthProbe } from './health-probe.ts';
import type { DirectoryEntry } from './model-directory.ts';
import type { Upstream } from './upstream.ts';
import { UpstreamHealth } from './upstream-health.ts';
import type { WaitingLineOptions } from './waiting-line.ts';

/** How an upstream is guarded. */
export interface GuardOptions {
  readonly weight: number;
  readonly maxConcurrent: number;
  readonly queue: WaitingLineOptions;
  /** Null: its failures keep nobody from it. */
  readonly breaker: BreakerOptions | null;
  /** How it is asked if it is there; false: it is not. */
  readonly probe: false | { readonly path: string; readonly intervalMs: number; readonly timeoutMs: number };
  /** What it offers; undefined: what it lists at `/models`. */
  readonly models?: readonly string[] | undefined;
}

const DISCOVERY_TIMEOUT_MS = 5_000;

/** Guards an upstream, and says which models it offers. Its probes end when it is closed. */
export function guardUpstream(upstream: Upstream, options: GuardOptions, clock: Clock = systemClock): DirectoryEntry {
  const { probe, models: configured, ...rest } = options;
  const timeoutMs = probe === false ? DISCOVERY_TIMEOUT_MS : probe.timeoutMs;
  const models = configured ?? new DiscoveredModels(upstream, timeoutMs, clock);
  const health = new UpstreamHealth(options.breaker, clock);
  const healthProbe =
    probe === false
      ? null
      : new HealthProbe({
          intervalMs: probe.intervalMs,
          // One request for both: a server is not asked twice for its list.
          ask:
            models instanceof DiscoveredModels && probe.path === MODELS_PATH
              ? () => models.ask()
              : () => askUpstream(upstream, probe.path, timeoutMs),
          health,
          clock,
        });
  return { upstream: new GuardedUpstream({ ...rest, upstream, health, probe: healthProbe, clock }), models };
}
