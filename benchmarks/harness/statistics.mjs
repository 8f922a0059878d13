// What many rounds say: the middle, and how far they lie apart.

/** @param {readonly number[]} values @returns {number} NaN where there are none */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @param {ArrayLike<number>} values @param {number} share 0.99 for p99 @returns {number} the nearest rank */
export function percentile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** `12.3 (11.9–13.0)`: median, least and greatest. @param {readonly number[]} values @param {number} digits */
export function spread(values, digits = 2) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${decimal(median(values), digits)} (${decimal(least, digits)}–${decimal(most, digits)})`;
}

/** A number with grouped thousands. @param {number} value @param {number} digits */
export function decimal(value, digits = 2) {
  if (!Number.isFinite(value)) return '–';
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
