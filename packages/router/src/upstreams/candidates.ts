import { apiError, type SecurityTier, tierAtLeast } from '@sotto/protocol';
import type { Upstream } from './upstream.ts';

/** An upstream and the name by which it knows the model. */
export interface Candidate {
  readonly upstream: Upstream;
  readonly model: string;
}

/**
 * Keeps the candidates that are fit for a tier. A quieter tier is never chosen instead.
 * @throws ForbiddenError `tier_not_available` where the model exists, but nowhere at that tier
 */
export function fitForTier(candidates: readonly Candidate[], tier: SecurityTier): readonly Candidate[] {
  const fit = candidates.filter(({ upstream }) => tierAtLeast(upstream.tier, tier));
  if (fit.length === 0) {
    throw apiError('tier_not_available', `no model server that offers this model is fit for tier ${tier}`, {
      param: 'security_tier',
    });
  }
  return fit;
}
