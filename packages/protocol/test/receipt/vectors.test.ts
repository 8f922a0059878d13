import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import { webEd25519Verify } from '../../src/key-statement/index.ts';
import { nodeCrypto, nodeEd25519Verify } from '../../src/node/index.ts';
import { encodeReceiptComment, splitReceiptComment, verifyReceipt } from '../../src/receipt/index.ts';
import { serializeReceipt } from '../../src/receipt/receipt.ts';
import { webCrypto } from '../../src/web-crypto.ts';
import { asyncErrorCode } from '../error-code.ts';
import { bytes } from '../hex.ts';

interface Vectors {
  readonly receiptKey: string;
  readonly receipts: readonly {
    readonly name: string;
    readonly request: string;
    readonly answer: string;
    readonly json: string;
    readonly receipt: string;
  }[];
  readonly later: { readonly receipt: string };
  readonly stream: { readonly answer: string; readonly receipt: string; readonly body: string };
  readonly refusals: readonly { readonly name: string; readonly receipt: string }[];
}

const file = new URL('../../../../test-vectors/receipt/vectors.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors;
const KEY = bytes(vectors.receiptKey);
const verify = (receipt: string) => verifyReceipt(nodeCrypto, nodeEd25519Verify, receipt, KEY);

describe('the receipts of the vectors', () => {
  test.each(vectors.receipts)('verify with their bodies, and serialise to the same bytes: $name', async (vector) => {
    const bodies = { request: encodeUtf8(vector.request), answer: encodeUtf8(vector.answer) };
    const receipt = await verifyReceipt(nodeCrypto, nodeEd25519Verify, vector.receipt, KEY, bodies);
    expect(serializeReceipt(receipt)).toEqual(encodeUtf8(vector.json));
    await expect(verifyReceipt(webCrypto, webEd25519Verify, vector.receipt, KEY, bodies)).resolves.toEqual(receipt);
  });

  test('verify though they say more than is known here', async () => {
    await expect(verify(vectors.later.receipt)).resolves.toMatchObject({ model: 'm' });
  });

  test('come off the end of a stream', async () => {
    const { answer, receipt, body } = vectors.stream;
    const split = splitReceiptComment(encodeUtf8(body));
    expect(split).toEqual({ answer: encodeUtf8(answer), receipt });
    expect(encodeReceiptComment(receipt)).toEqual(encodeUtf8(body.slice(answer.length)));
    const verified = verifyReceipt(nodeCrypto, nodeEd25519Verify, receipt, KEY, { answer: encodeUtf8(answer) });
    await expect(verified).resolves.toMatchObject({ tier: 'maximum' });
  });

  test.each(vectors.refusals)('are refused with $name', async ({ receipt }) => {
    expect(await asyncErrorCode(() => verify(receipt))).toBe('invalid_receipt');
  });
});
