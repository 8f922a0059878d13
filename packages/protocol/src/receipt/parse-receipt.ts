import { decodeUtf8 } from '../bytes.ts';
import { SecurityError } from '../errors.ts';
import { isSecurityTier } from '../security-tier.ts';
import type { Receipt } from './receipt.ts';

const MAX_TEXT_CHARACTERS = 256;
const SHA256 = /^[0-9a-f]{64}$/;

/**
 * Parses a receipt whose signature has been verified. Members of an unknown name are passed over, so that later
 * routers can say more; a member that must be understood comes with another `v`.
 * @throws SecurityError `invalid_receipt`
 */
export function parseReceipt(json: Uint8Array): Receipt {
  const { v, kid, time, requestSha256, answerSha256, model, tier, upstreamClass } = parseObject(json);
  const isValid =
    v === 1 &&
    isText(kid) &&
    typeof time === 'number' &&
    Number.isSafeInteger(time) &&
    time >= 0 &&
    isSha256(requestSha256) &&
    isSha256(answerSha256) &&
    isText(model) &&
    isSecurityTier(tier) &&
    isText(upstreamClass);
  if (!isValid) throw invalidReceipt('has members that are not what they should be');
  return { kid, time, requestSha256, answerSha256, model, tier, upstreamClass };
}

/** The receipt is not one, or not one of this exchange. */
export function invalidReceipt(reason: string): SecurityError {
  return new SecurityError(`the router's receipt ${reason}`, { code: 'invalid_receipt' });
}

function parseObject(json: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(decodeUtf8(json) ?? '');
  } catch {
    throw invalidReceipt('is not JSON');
  }
  if (typeof value !== 'object' || value === null) throw invalidReceipt('is no object');
  return { ...value };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_TEXT_CHARACTERS;
}

function isSha256(value: unknown): value is string {
  return typeof value === 'string' && SHA256.test(value);
}
