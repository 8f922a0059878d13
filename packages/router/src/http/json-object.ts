import { Buffer, isUtf8 } from 'node:buffer';
import { apiError } from '@sotto/protocol';

/** A JSON object as it was parsed: what its members are is for the reader to check. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads a JSON object. Only UTF-8 is taken (RFC 8259 §8.1): a reader behind us that drops broken bytes might read
 * other member names than were checked here.
 * @returns null where the bytes are not a JSON object
 */
export function readJsonObject(bytes: Uint8Array): JsonObject | null {
  return isUtf8(bytes) ? jsonObjectOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) : null;
}

/**
 * Reads a JSON object whose bytes are passed on as they came: what is not UTF-8 in them is their reader's to judge.
 * @returns null where the bytes are not a JSON object
 */
export function jsonObjectOf(bytes: Buffer): JsonObject | null {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    // The parser's own message quotes the text: it stays here.
    return null;
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

/**
 * Writes JSON of what was read from JSON.
 * @throws InvalidRequestError `invalid_json` where it is nested too deeply: the platform reads deeper than it writes
 */
export function writeJsonObject(value: JsonObject): Buffer {
  try {
    return Buffer.from(JSON.stringify(value));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw apiError('invalid_json', 'the JSON is nested too deeply');
  }
}
