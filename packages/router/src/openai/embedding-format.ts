import { Buffer } from 'node:buffer';
import type { JsonObject } from '../http/json-object.ts';

/** OpenAI's API reference, embeddings: base64 is of 32-bit floats; its SDKs read them as little-endian. */
const FLOAT_BYTES = 4;

/**
 * Writes an answer's vectors in the format that was asked for: not every model server knows both, and none says that
 * it passed over the wish.
 * @returns null where all are in that format already
 */
export function inAskedFormat(answer: JsonObject, format: 'float' | 'base64'): Buffer | null {
  const data = answer['data'];
  if (!Array.isArray(data)) return null;
  let changed = false;
  const rewritten = data.map((item: unknown) => {
    if (typeof item !== 'object' || item === null) return item;
    const vector = inFormat((item as JsonObject)['embedding'], format);
    if (vector === null) return item;
    changed = true;
    return { ...item, embedding: vector };
  });
  return changed ? Buffer.from(JSON.stringify({ ...answer, data: rewritten })) : null;
}

function inFormat(vector: unknown, format: 'float' | 'base64'): string | number[] | null {
  if (format === 'base64') return Array.isArray(vector) ? encode(vector) : null;
  return typeof vector === 'string' ? decode(vector) : null;
}

function encode(numbers: readonly unknown[]): string | null {
  const bytes = Buffer.alloc(numbers.length * FLOAT_BYTES);
  for (const [index, value] of numbers.entries()) {
    if (typeof value !== 'number') return null;
    bytes.writeFloatLE(value, index * FLOAT_BYTES);
  }
  return bytes.toString('base64');
}

function decode(text: string): number[] | null {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length % FLOAT_BYTES !== 0) return null;
  return Array.from({ length: bytes.length / FLOAT_BYTES }, (_, index) => bytes.readFloatLE(index * FLOAT_BYTES));
}
