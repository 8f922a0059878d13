import { Buffer, isUtf8 } from 'node:buffer';
import { type ParseError, parse } from 'jsonc-parser';

/** Longer texts are not searched for their fault: that takes many times as long as to find that there is one. */
const MAX_SEARCHED_BYTES = 1024 * 1024;

/** Says what keeps bytes from being a JSON object, and where; never what stands there. */
export function jsonFault(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'the body is empty: a JSON object is needed';
  if (!isUtf8(bytes)) return 'the body is not UTF-8 (RFC 8259 §8.1)';
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const offset = bytes.length > MAX_SEARCHED_BYTES ? null : firstFault(text);
  if (offset === null) return 'the body is not a JSON object';
  const lines = text.slice(0, offset).split('\n');
  const column = (lines.at(-1)?.length ?? 0) + 1;
  return `the body is not valid JSON at position ${offset} (line ${lines.length}, column ${column})`;
}

/** @returns null where there is none, or it is nested too deeply to look */
function firstFault(text: string): number | null {
  const faults: ParseError[] = [];
  try {
    parse(text, faults, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false });
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
  return faults[0]?.offset ?? null;
}
