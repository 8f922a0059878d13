/** The security tiers, lowest first. An upstream declares the highest tier it is fit for. */
export const SECURITY_TIERS = ['standard', 'high', 'maximum'] as const;

/** How private a request's handling must be. Ordered: standard < high < maximum. */
export type SecurityTier = (typeof SECURITY_TIERS)[number];

/** Whether `value` names a security tier. */
export function isSecurityTier(value: unknown): value is SecurityTier {
  return SECURITY_TIERS.some((tier) => tier === value);
}

/** Whether `tier` is `floor` or above it. */
export function tierAtLeast(tier: SecurityTier, floor: SecurityTier): boolean {
  return SECURITY_TIERS.indexOf(tier) >= SECURITY_TIERS.indexOf(floor);
}
