import { apiError, type SecurityTier, tierAtLeast } from '@sotto/protocol';
import { unavailable } from './guarded-upstream.ts';
import type { Upstream } from './upstream.ts';

/** An upstream and the name by which it knows the model. */
export interface Candidate {
  readonly upstream: Upstream;
  readonly model: string;
  /** Milliseconds for which the upstream takes no calls; 0: it takes them. */
  readonly closedForMs: number;
}

/**
 * Keeps the candidates that are fit for a tier and take calls. A quieter tier is never chosen instead: not where the
 * model is not offered at that tier, and not where those that offer it cannot be asked now. For this reason the tier
 * comes first.
 * @throws ForbiddenError `tier_not_available` where the model exists, but nowhere at that tier
 * @throws ServiceUnavailableError `upstream_unavailable` where none of them takes calls, with the shortest wait
 */
export function fitForTier(candidates: readonly Candidate[], tier: SecurityTier): readonly Candidate[] {
  const fit = candidates.filter(({ upstream }) => tierAtLeast(upstream.tier, tier));
  if (fit.length === 0) {
    throw apiError('tier_not_available', `no model server that offers this model is fit for tier ${tier}`, {
      param: 'security_tier',
    });
  }
  const open = fit.filter(({ closedForMs }) => closedForMs === 0);
  if (open.length === 0) throw unavailable(Math.min(...fit.map(({ closedForMs }) => closedForMs)));
  return open;
}
