/**
 * The magnitude of a non-negative DER INTEGER (X.690 §8.3), without its sign byte; zero is one zero byte. Throws
 * `RangeError` for a negative one, and for one that is not in its shortest form.
 */
export function unsignedInteger(contents: Uint8Array): Uint8Array {
  const [first, second] = contents;
  if (first === undefined || first >= 0x80) throw new RangeError('DER integer is empty or negative');
  if (first !== 0 || second === undefined) return contents;
  if (second < 0x80) throw new RangeError('DER integer is not minimal');
  return contents.subarray(1);
}
