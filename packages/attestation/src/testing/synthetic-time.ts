const DAY_MS = 86_400_000;

/** When the certificates, revocation lists and collateral of a synthetic vendor hold, milliseconds since 1970. */
export interface SyntheticValidity {
  readonly notBefore: number;
  readonly notAfter: number;
  readonly nextUpdate: number;
}

/** From a day before `now` for a year; lists and collateral for 30 days. Whole seconds, as certificates have them. */
export function syntheticValidity(now: Date): SyntheticValidity {
  const second = Math.floor(now.getTime() / 1_000) * 1_000;
  return { notBefore: second - DAY_MS, notAfter: second + 365 * DAY_MS, nextUpdate: second + 30 * DAY_MS };
}
