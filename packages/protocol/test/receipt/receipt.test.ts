import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import { nodeCrypto, nodeEd25519Verify } from '../../src/node/index.ts';
import {
  encodeReceiptComment,
  MAX_RECEIPT_CHARACTERS,
  type Receipt,
  signReceipt,
  splitReceiptComment,
  verifyReceipt,
} from '../../src/receipt/index.ts';
import { asyncErrorCode } from '../error-code.ts';

const REQUEST = encodeUtf8('request');
const ANSWER = encodeUtf8('answer');
const sha256 = (body: Uint8Array) => createHash('sha256').update(body).digest('hex');
const RECEIPT: Receipt = {
  kid: 'k1',
  time: 1_800_000_000,
  requestSha256: sha256(REQUEST),
  answerSha256: sha256(ANSWER),
  model: 'm',
  tier: 'high',
  upstreamClass: 'builtin',
};

function makeSigner() {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  return { publicKey: raw, sign: (message: Uint8Array) => sign(null, message, privateKey) };
}

const SIGNER = makeSigner();
const verify = (receipt: string, bodies = {}, key: Uint8Array = SIGNER.publicKey) =>
  verifyReceipt(nodeCrypto, nodeEd25519Verify, receipt, key, bodies);
const outcome = (receipt: string, bodies = {}, key: Uint8Array = SIGNER.publicKey) =>
  asyncErrorCode(() => verify(receipt, bodies, key));

describe('a receipt', () => {
  test('says what was signed, of these bodies', async () => {
    const receipt = await signReceipt(RECEIPT, SIGNER);
    await expect(verify(receipt, { request: REQUEST, answer: ANSWER })).resolves.toEqual(RECEIPT);
    await expect(verify(receipt)).resolves.toEqual(RECEIPT);
  });

  test('is refused of another request, another answer, or both exchanged', async () => {
    const receipt = await signReceipt(RECEIPT, SIGNER);
    expect(await outcome(receipt, { request: ANSWER })).toBe('invalid_receipt');
    expect(await outcome(receipt, { answer: REQUEST })).toBe('invalid_receipt');
    expect(await outcome(receipt, { request: ANSWER, answer: REQUEST })).toBe('invalid_receipt');
    expect(await outcome(receipt, { request: new Uint8Array(), answer: ANSWER })).toBe('invalid_receipt');
  });

  test('is refused under another key, or one that is none', async () => {
    const receipt = await signReceipt(RECEIPT, SIGNER);
    expect(await outcome(receipt, {}, makeSigner().publicKey)).toBe('invalid_receipt');
    expect(await outcome(receipt, {}, new Uint8Array(5))).toBe('invalid_receipt');
  });

  test('is refused whichever character of it is changed, and wherever it is cut off', async () => {
    const receipt = await signReceipt(RECEIPT, SIGNER);
    for (let index = 0; index < receipt.length; index++) {
      const other = receipt[index] === 'A' ? 'B' : 'A';
      const changed = receipt.slice(0, index) + other + receipt.slice(index + 1);
      expect(await outcome(changed), `character ${index}`).toBe('invalid_receipt');
      expect(await outcome(receipt.slice(0, index)), `${index} characters`).toBe('invalid_receipt');
    }
  });

  test('is not read beyond its longest', async () => {
    expect(await outcome('A'.repeat(MAX_RECEIPT_CHARACTERS + 1))).toBe('invalid_receipt');
  });

  test('fits a header field whatever the model is called', async () => {
    const receipt = await signReceipt({ ...RECEIPT, model: '\u0001'.repeat(256) }, SIGNER);
    expect(receipt.length).toBeLessThan(MAX_RECEIPT_CHARACTERS);
    expect(await outcome(receipt)).toBe('decoded');
  });
});

describe('a receipt’s comment', () => {
  const comment = encodeReceiptComment('abc');

  test('is taken off the end, and off nowhere else', () => {
    const answer = encodeUtf8('data: 1\n\ndata: [DONE]\n\n');
    const whole = Uint8Array.of(...answer, ...comment);
    expect(splitReceiptComment(whole)).toEqual({ answer, receipt: 'abc' });
    expect(splitReceiptComment(Uint8Array.of(...whole, 0x0a))).toBeNull();
    expect(splitReceiptComment(Uint8Array.of(...comment, ...answer))).toBeNull();
    for (let length = 0; length < whole.length; length++) {
      const cut = splitReceiptComment(whole.subarray(0, length));
      expect(cut, `${length} bytes`).toBeNull();
    }
  });

  test('of somebody else, further up, is part of the answer', () => {
    const answer = Uint8Array.of(...encodeReceiptComment('forged'), ...encodeUtf8('data: [DONE]\n\n'));
    expect(splitReceiptComment(Uint8Array.of(...answer, ...comment))).toEqual({ answer, receipt: 'abc' });
  });

  test.each(['', '\n', '\n\n', ': sotto-receipt \n\n', ': sotto-receipt', 'data: : sotto-receipt abc\n\n'])(
    'is not found in %j',
    (text) => {
      expect(splitReceiptComment(encodeUtf8(text))).toBeNull();
    },
  );
});
