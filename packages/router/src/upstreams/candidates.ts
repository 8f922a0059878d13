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
 * @throws ForbiddenError `tier_not_available` where the model exists, but nowhere at that tier;
 *   `upstream_not_attested` where those that offer it there have just failed to prove what it asks for
 * @throws ServiceUnavailableError `upstream_unavailable` where none of them takes calls, with the shortest wait
 */
export function fitForTier(candidates: readonly Candidate[], tier: SecurityTier): readonly Candidate[] {
  const fit = candidates.filter(({ upstream }) => tierAtLeast(upstream.tier, tier));
  if (fit.length === 0) {
    throw apiError('tier_not_available', `no model server that offers this model is fit for tier ${tier}`, {
      param: 'security_tier',
    });
  }
  const proved = fit.filter(({ upstream }) => upstream.lacksProof?.(tier) !== true);
  if (proved.length === 0) {
    throw apiError(
      'upstream_not_attested',
      `no model server that offers this model has proved what tier ${tier} asks`,
      {
        param: 'security_tier',
      },
    );
  }
  const open = proved.filter(({ closedForMs }) => closedForMs === 0);
  if (open.length === 0) throw unavailable(Math.min(...proved.map(({ closedForMs }) => closedForMs)));
  return open;
}
