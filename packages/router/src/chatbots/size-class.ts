const SMALLEST_BYTES = 1_024;

/**
 * The length that a plaintext is padded to, so that the sealed length tells little: Padmé (Nikitin et al., Reducing
 * Metadata Leakage from Encrypted Files and Communication with PURBs, §4), which adds an eighth at most and keeps the
 * first few bits of the length only; and never less than 1,024 bytes.
 */
export function paddedLength(bytes: number): number {
  if (bytes <= SMALLEST_BYTES) return SMALLEST_BYTES;
  const exponent = Math.floor(Math.log2(bytes));
  const kept = Math.floor(Math.log2(exponent)) + 1;
  const step = 2 ** (exponent - kept);
  return Math.ceil(bytes / step) * step;
}
