import { decodeUtf8, encodeUtf8 } from '../bytes.ts';
import { MAX_RECEIPT_CHARACTERS } from './signed-receipt.ts';

/**
 * A line that begins with a colon is a comment: readers of an event stream pass over it (HTML, server-sent events,
 * "Interpreting an event stream").
 */
const PREFIX = encodeUtf8(': sotto-receipt ');
const LINE_FEED = 0x0a;

/** The comment that ends a streamed answer: its last line, and the empty line behind it. */
export function encodeReceiptComment(receipt: string): Uint8Array<ArrayBuffer> {
  return encodeUtf8(`: sotto-receipt ${receipt}\n\n`);
}

/** A streamed answer, and the receipt that came behind it. */
export interface ReceiptedStream {
  /** What the receipt is of: everything before the comment. A view. */
  readonly answer: Uint8Array;
  /** As `verifyReceipt` takes it; nothing is verified yet. */
  readonly receipt: string;
}

/** Takes the receipt off the end of a streamed answer. @returns null where the last line is no receipt */
export function splitReceiptComment(stream: Uint8Array): ReceiptedStream | null {
  const end = stream.length - 2;
  if (stream[end] !== LINE_FEED || stream[end + 1] !== LINE_FEED) return null;
  const start = stream.lastIndexOf(LINE_FEED, end - 1) + 1;
  const length = end - start - PREFIX.length;
  if (length < 1 || length > MAX_RECEIPT_CHARACTERS) return null;
  if (!PREFIX.every((byte, index) => stream[start + index] === byte)) return null;
  const receipt = decodeUtf8(stream.subarray(start + PREFIX.length, end));
  return receipt === null ? null : { answer: stream.subarray(0, start), receipt };
}
