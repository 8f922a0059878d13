/** How far the line of least squares through evenly spaced samples rises from the first to the last. */
export function growth(samples: readonly number[]): number {
  const middle = (samples.length - 1) / 2;
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
  let along = 0;
  let across = 0;
  samples.forEach((sample, index) => {
    along += (index - middle) * (sample - mean);
    across += (index - middle) ** 2;
  });
  return across === 0 ? 0 : (along / across) * (samples.length - 1);
}
