import { type SecurityTier, tierAtLeast } from '@sotto/protocol';
import type { ExchangeRequest } from '../http/exchange.ts';
import type { Admission } from '../openai/admission.ts';
import { parseTier, TIER_HEADER } from '../tiers/request-tier.ts';

/** The higher of two tiers; undefined stands below all. */
export function higherTier(a: SecurityTier | undefined, b: SecurityTier | undefined): SecurityTier | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return tierAtLeast(a, b) ? a : b;
}

/** The places where a request names its tier. */
export type NamedTier = Pick<ExchangeRequest, 'headers' | 'sealedTier'> & {
  /** `security_tier` of the body; null where it is not there. */
  readonly field: SecurityTier | null;
};

/**
 * Raises the tier that a request names to `least`, wherever it names one. Two places that name different tiers stay
 * as they are: whoever settles the tier refuses them.
 * @throws InvalidRequestError `invalid_security_tier`
 */
export function raiseNamedTier(request: ExchangeRequest, field: unknown, least: SecurityTier | undefined): NamedTier {
  const { headers, sealedTier } = request;
  const fromHeader = sealedTier === null ? parseTier(headers[TIER_HEADER], 'X-Security-Tier') : null;
  const fromField = parseTier(field, 'security_tier');
  const outer = sealedTier ?? fromHeader;
  const differ = outer !== null && fromField !== null && outer !== fromField;
  if (least === undefined || differ) return { headers, sealedTier, field: fromField };
  const raise = (tier: SecurityTier): SecurityTier => (tierAtLeast(tier, least) ? tier : least);
  return {
    headers: fromHeader === null ? headers : { ...headers, [TIER_HEADER]: raise(fromHeader) },
    sealedTier: sealedTier === null ? null : raise(sealedTier),
    field: fromField === null ? null : raise(fromField),
  };
}

/** The same admission with a default tier of `least` at least: for requests that name none. */
export function withLeastTier(admission: Admission, least: SecurityTier | undefined): Admission {
  if (least === undefined) return admission;
  return {
    keyId: admission.keyId,
    defaultTier: higherTier(admission.defaultTier, least),
    allowsModel: (model) => admission.allowsModel(model),
    allowsTier: (tier) => admission.allowsTier(tier),
    reserve: (work) => admission.reserve(work),
  };
}
