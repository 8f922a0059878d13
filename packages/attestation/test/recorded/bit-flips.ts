import { AttestationError, decodeUtf8 } from '@sotto/protocol';

/** A recorded file, and a verification that reads its bytes. */
export interface FlippableFile {
  readonly file: string;
  readonly bytes: Uint8Array;
  verify(bytes: Uint8Array): Promise<unknown>;
}

/** One bit of a file. */
export type Flip = readonly [offset: number, bit: number];

/** What became of the flips of a file. */
export interface FlipOutcome {
  readonly flips: number;
  /** Those after which the text file around the evidence could not be read: refused before the verifier saw them. */
  readonly unreadable: number;
  readonly accepted: readonly Flip[];
}

/** How many flips are verified at a time: WebCrypto has threads of its own. */
const AT_ONCE = 8;

/** Every bit of a file of this length. */
export function* everyBit(length: number): Generator<Flip> {
  for (let offset = 0; offset < length; offset++) for (let bit = 0; bit < 8; bit++) yield [offset, bit];
}

/** A copy with one bit flipped. */
export function withFlip(bytes: Uint8Array, [offset, bit]: Flip): Uint8Array {
  const flipped = bytes.slice();
  flipped[offset] = (flipped[offset] ?? 0) ^ (1 << bit);
  return flipped;
}

/** Verifies a file once for each flip. Anything but an AttestationError is thrown on. */
export async function tryFlips({ bytes, verify }: FlippableFile, flips: Iterable<Flip>): Promise<FlipOutcome> {
  const accepted: Flip[] = [];
  const pending = flips[Symbol.iterator]();
  let count = 0;
  let unreadable = 0;
  const work = async () => {
    for (let next = pending.next(); next.done !== true; next = pending.next()) {
      const flip = next.value;
      count++;
      try {
        await verify(withFlip(bytes, flip));
        accepted.push(flip);
      } catch (error) {
        if (error instanceof FileUnreadable) unreadable++;
        else if (!AttestationError.isInstance(error)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { flips: count, unreadable, accepted };
}

/** The file around the evidence cannot be read any more: the test's own reader, before the verifier's. */
class FileUnreadable extends Error {}

/** Reads a text file strictly. */
export function readText<T>(bytes: Uint8Array, read: (text: string) => T): T {
  const text = decodeUtf8(bytes);
  try {
    if (text !== null) return read(text);
  } catch (cause) {
    throw new FileUnreadable('file cannot be read', { cause });
  }
  throw new FileUnreadable('file is not UTF-8');
}
