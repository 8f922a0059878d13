import { encodeUtf8 } from '../bytes.ts';
import type { SecurityTier } from '../security-tier.ts';

/**
 * What a router states of one answer: which request it answered with which bytes, by what kind of upstream, at which
 * tier (protocol-ohttp §12).
 */
export interface Receipt {
  /** Names the router's set of keys at that time, as its claims do. */
  readonly kid: string;
  /** Unix time in seconds. */
  readonly time: number;
  /** SHA-256 of the request's body, lower-case hexadecimal. */
  readonly requestSha256: string;
  /** SHA-256 of the answer's body, lower-case hexadecimal; of a streamed one up to the receipt's own comment. */
  readonly answerSha256: string;
  /** As the request named it. */
  readonly model: string;
  /** The tier that the request was handled at. */
  readonly tier: SecurityTier;
  /** Where the upstream runs: `builtin`, `same-tee`, `loopback`, `remote`. */
  readonly upstreamClass: string;
}

/** Asks for a receipt, with the value `1`, and carries the one of an answer in one piece. */
export const RECEIPT_HEADER = 'x-sotto-receipt';

/** The receipt's JSON. These very bytes are what is signed: they are never written a second time. */
export function serializeReceipt(receipt: Receipt): Uint8Array<ArrayBuffer> {
  return encodeUtf8(
    JSON.stringify({
      v: 1,
      kid: receipt.kid,
      time: receipt.time,
      requestSha256: receipt.requestSha256,
      answerSha256: receipt.answerSha256,
      model: receipt.model,
      tier: receipt.tier,
      upstreamClass: receipt.upstreamClass,
    }),
  );
}
