const whole = new Intl.NumberFormat('en');
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const dollars = new Intl.NumberFormat('en', { style: 'currency', currency: 'USD', maximumFractionDigits: 2 });
const smallDollars = new Intl.NumberFormat('en', { style: 'currency', currency: 'USD', maximumSignificantDigits: 2 });
const moment = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short', hourCycle: 'h23' });
const clock = new Intl.DateTimeFormat('en', { timeStyle: 'medium', hourCycle: 'h23' });

/** A count, with its thousands set apart. */
export function countText(count: number): string {
  return whole.format(count);
}

/** A count in few characters: 12.3K. */
export function shortCount(count: number): string {
  return count < 10_000 ? whole.format(count) : compact.format(count);
}

/** An amount of US dollars; a small one with the digits that tell it from nothing. */
export function usdText(usd: number): string {
  return usd !== 0 && Math.abs(usd) < 0.01 ? smallDollars.format(usd) : dollars.format(usd);
}

/** Date and time of day, here. */
export function momentText(iso: string): string {
  return moment.format(new Date(iso));
}

/** The time of day, here. */
export function clockText(ms: number): string {
  return clock.format(new Date(ms));
}

/** A length of time, in the unit that suits it. */
export function spanText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 3_600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
