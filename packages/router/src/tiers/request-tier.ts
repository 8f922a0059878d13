import { apiError, isSecurityTier, SECURITY_TIERS, type SecurityTier, tierAtLeast } from '@sotto/protocol';
import type { ExchangeRequest } from '../http/exchange.ts';

/** The header field that names a request's tier. */
export const TIER_HEADER = 'x-security-tier';

/** The body's field that names it. It is the router's own: read, then taken out, for no upstream knows it. */
export const TIER_FIELD = 'security_tier';

/** Which of the places a tier can come from it came from; the answer says so. */
export type TierSource = 'header' | 'field' | 'key' | 'model' | 'default';

/** Tiers of requests that name none. */
export interface TierDefaults {
  readonly key: SecurityTier | undefined;
  readonly model: SecurityTier | undefined;
}

/** The tier a request is to be handled at. */
export interface RequestTier {
  readonly tier: SecurityTier;
  readonly source: TierSource;
}

/**
 * Reads a tier that somebody wrote.
 * @returns null where nothing is written
 * @throws InvalidRequestError `invalid_security_tier`
 */
export function parseTier(value: unknown, param: string): SecurityTier | null {
  if (value === undefined || value === null) return null;
  if (isSecurityTier(value)) return value;
  throw apiError('invalid_security_tier', `the security tier is one of ${SECURITY_TIERS.join(', ')}`, { param });
}

/**
 * Settles a request's tier: what the sealed layer authenticated, else the header, else the body's field, else the
 * higher of the key's and the model's default, else standard. Two places of the request that name different tiers are
 * an error: somebody on the way may have written the lower one.
 * @throws InvalidRequestError `invalid_security_tier`
 * @throws ForbiddenError `sealed_request_required` for a tier above standard that came in clear
 */
export function settleTier(request: ExchangeRequest, field: unknown, defaults: TierDefaults): RequestTier {
  const fromHeader = request.sealedTier ?? parseTier(request.headers[TIER_HEADER], 'X-Security-Tier');
  const fromField = parseTier(field, TIER_FIELD);
  if (fromHeader !== null && fromField !== null && fromHeader !== fromField) {
    throw apiError(
      'invalid_security_tier',
      'X-Security-Tier and security_tier name different tiers: send one of them',
      {
        param: TIER_FIELD,
      },
    );
  }
  const settled = firstOf(fromHeader, fromField, defaults);
  if (settled.tier !== 'standard' && request.sealedBy === null) {
    throw apiError('sealed_request_required', `tier ${settled.tier} is for encrypted requests: this one came in clear`);
  }
  return settled;
}

function firstOf(header: SecurityTier | null, field: SecurityTier | null, { key, model }: TierDefaults): RequestTier {
  if (header !== null) return { tier: header, source: 'header' };
  if (field !== null) return { tier: field, source: 'field' };
  if (key !== undefined && (model === undefined || tierAtLeast(key, model))) return { tier: key, source: 'key' };
  if (model !== undefined) return { tier: model, source: 'model' };
  return { tier: 'standard', source: 'default' };
}
