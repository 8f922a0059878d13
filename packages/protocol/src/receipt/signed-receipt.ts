import { decodeBase64Url, encodeBase64Url } from '../base64url.ts';
import { concatBytes, encodeHex, encodeUtf8 } from '../bytes.ts';
import type { CryptoProvider } from '../crypto-provider.ts';
import type { SecurityError } from '../errors.ts';
import type { Ed25519Verify, StatementSigner } from '../key-statement/statement.ts';
import { invalidReceipt, parseReceipt } from './parse-receipt.ts';
import { type Receipt, serializeReceipt } from './receipt.ts';

const SIGNATURE_BYTES = 64; // RFC 8032 §5.1.6
/** A receipt is read up to this length, in characters: it travels in a header field. */
export const MAX_RECEIPT_CHARACTERS = 8_192;
/** Keeps these signatures apart from every other use of the same key. */
const CONTEXT = encodeUtf8('sotto/receipt/v1\0');

/** Signs a receipt. @returns base64url of signature (64 bytes) ‖ JSON: one word, for a header field or a comment */
export async function signReceipt(receipt: Receipt, signer: Pick<StatementSigner, 'sign'>): Promise<string> {
  const json = serializeReceipt(receipt);
  const signature = await signer.sign(concatBytes(CONTEXT, json));
  return encodeBase64Url(concatBytes(signature, json));
}

/** The bodies that a receipt must be of; one that is left out is not compared. */
export interface ReceiptedBodies {
  readonly request?: Uint8Array | undefined;
  /** Of a streamed answer all bytes before the receipt's own comment. */
  readonly answer?: Uint8Array | undefined;
}

/**
 * Verifies that a router's receipt key signed these very bytes, of this request and this answer. Whose key it is,
 * the router's claims say.
 * @param receiptKey Ed25519, 32 bytes: `receiptKey` of the claims
 * @throws SecurityError `invalid_receipt`
 */
export async function verifyReceipt(
  provider: Pick<CryptoProvider, 'sha256'>,
  verify: Ed25519Verify,
  receipt: string,
  receiptKey: Uint8Array,
  { request, answer }: ReceiptedBodies = {},
): Promise<Receipt> {
  const bytes = receipt.length > MAX_RECEIPT_CHARACTERS ? null : decodeBase64Url(receipt);
  if (bytes === null || bytes.length <= SIGNATURE_BYTES) throw invalidReceipt('has an unknown form');
  const signature = bytes.subarray(0, SIGNATURE_BYTES);
  const json = bytes.subarray(SIGNATURE_BYTES);
  if (!(await verify(receiptKey, concatBytes(CONTEXT, json), signature))) {
    throw invalidReceipt('has a signature that does not verify');
  }
  const parsed = parseReceipt(json);
  if (request !== undefined) await compare(provider, request, parsed.requestSha256, 'request');
  if (answer !== undefined) await compare(provider, answer, parsed.answerSha256, 'answer');
  return parsed;
}

async function compare(
  provider: Pick<CryptoProvider, 'sha256'>,
  body: Uint8Array,
  stated: string,
  what: string,
): Promise<void> {
  if (encodeHex(await provider.sha256(body)) !== stated) throw otherBody(what);
}

function otherBody(what: string): SecurityError {
  return invalidReceipt(`is of another ${what}`);
}
