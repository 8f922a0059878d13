import { decodeUtf8 } from '@sotto/protocol';
import { splitReceiptComment } from '@sotto/protocol/receipt';

/** A receipt as somebody kept it. */
export interface KeptReceipt {
  /** As the router sent it; nothing is verified yet. */
  readonly receipt: string;
  /** The answer that came with it, where both are in one file. */
  readonly answer: Uint8Array | null;
}

/** What a router sends in the header field: one word of base64url. */
const AS_SENT = /^[A-Za-z0-9_-]{88,}$/;

/**
 * Finds the receipt in a file: JSON with the member `receipt`, the header field's value by itself, or a streamed answer
 * with the receipt behind it. @returns null where the file is something else, such as a bundle
 */
export function findReceipt(bytes: Uint8Array): KeptReceipt | null {
  const streamed = splitReceiptComment(bytes);
  if (streamed !== null) return streamed;
  const text = decodeUtf8(bytes)?.trim() ?? '';
  if (AS_SENT.test(text)) return { receipt: text, answer: null };
  const receipt = memberReceipt(text);
  // A member of another type is a receipt that is none: it is refused as such.
  return receipt === undefined ? null : { receipt: typeof receipt === 'string' ? receipt : '', answer: null };
}

function memberReceipt(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'receipt' in value ? value.receipt : undefined;
  } catch {
    return undefined;
  }
}
