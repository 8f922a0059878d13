/** A time as OpenAI's header fields write it, rounded up: `12ms`, `1s`, `1m30s`, `6m0s`, `24h0m0s`. */
export function durationText(milliseconds: number): string {
  if (milliseconds <= 999) return `${Math.max(Math.ceil(milliseconds), 0)}ms`;
  const whole = Math.ceil(milliseconds / 1_000);
  const seconds = whole % 60;
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3_600);
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
