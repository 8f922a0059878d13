/** One claim about the package, checked against published bytes. Runs wherever the package does. */
export interface Check {
  readonly name: string;
  /** @throws Error that says what came and what was published */
  run(): Promise<void>;
}

/** Compares as JSON: checks run where there is no test runner. @throws Error where they differ */
export function equal(actual: unknown, expected: unknown, what: string): void {
  const [is, shouldBe] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== shouldBe) throw new Error(`${what} is ${is}, not ${shouldBe}`);
}

/** @throws Error where `condition` does not hold */
export function ensure(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

/** Bytes of hexadecimal text. Not the package's own: what is checked does not check itself. */
export function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Lower-case hexadecimal. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Text of UTF-8. @throws TypeError where the bytes are not UTF-8 */
export function text(utf8: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(utf8);
}

/** The sizes in which a body is handed over: whole, and byte by byte. */
export const SIZES = [Number.POSITIVE_INFINITY, 1] as const;

/** Hands a body over in pieces of `size` bytes. */
export async function inPieces(body: Uint8Array, size: number, push: (piece: Uint8Array) => unknown): Promise<void> {
  const step = Math.min(size, Math.max(body.length, 1));
  for (let offset = 0; offset < body.length; offset += step) await push(body.slice(offset, offset + step));
}
