import { AttestationError, decodeUtf8 } from '@sotto/protocol';

/** A recorded file, and a verification that reads its bytes. */
export interface FlippableFile {
  readonly file: string;
  readonly bytes: Uint8Array;
  verify(bytes: Uint8Array): Promise<unknown>;
}

/** Flips single bits, and returns the offsets of those flips that were accepted. */
export async function acceptedFlips(
  { bytes, verify }: FlippableFile,
  flips: Iterable<readonly [offset: number, bit: number]>,
): Promise<readonly number[]> {
  const accepted: number[] = [];
  for (const [offset, bit] of flips) {
    const flipped = bytes.slice();
    flipped[offset] = (flipped[offset] ?? 0) ^ (1 << bit);
    try {
      await verify(flipped);
      accepted.push(offset);
    } catch (error) {
      if (!AttestationError.isInstance(error) && !(error instanceof FileUnreadable)) throw error;
    }
  }
  return accepted;
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
