import type { UpstreamState } from '../upstreams/upstream-state.ts';
import type { RouterLog } from './router-log.ts';

/** Tells when a model server goes away and comes back, and when its breaker opens and closes. */
export function logUpstreams(log: Pick<RouterLog, 'event'>): (state: UpstreamState) => void {
  const known = new Map<string, { readonly healthy: boolean; readonly open: boolean }>();
  return ({ name, healthy, breaker, lastFailureCode, consecutiveFailures }) => {
    const before = known.get(name) ?? { healthy: true, open: false };
    const open = breaker !== 'closed';
    known.set(name, { healthy, open });
    if (healthy !== before.healthy) {
      if (healthy) log.event('info', 'upstream_up', { upstream: name });
      else log.event('warn', 'upstream_down', { upstream: name });
    }
    if (open === before.open) return;
    if (open) {
      log.event('warn', 'breaker_opened', {
        upstream: name,
        last_failure: lastFailureCode,
        consecutive_failures: consecutiveFailures,
      });
    } else log.event('info', 'breaker_closed', { upstream: name });
  };
}
