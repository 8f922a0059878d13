import { generateKeyPairSync, sign } from 'node:crypto';
import { apiError } from '@sotto/protocol';
import { nodeCrypto, nodeEd25519Verify } from '@sotto/protocol/node';
import { splitReceiptComment, verifyReceipt } from '@sotto/protocol/receipt';
import { describe, expect, onTestFinished, test } from 'vitest';
import { asApiError, sendError } from '../../src/http/answer.ts';
import { CollectingSink } from '../../src/http/collecting-sink.ts';
import type { HeaderFields, SealedBy } from '../../src/http/exchange.ts';
import { type Route, routeTable } from '../../src/http/route-table.ts';
import { type ReceiptOptions, withReceipts } from '../../src/receipts/with-receipts.ts';
import { chat, testRouter, upstreamsAt } from '../running-router.ts';
import { startStandIn } from '../stand-in-upstream.ts';

const NOW = 1_800_000_000_900;
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const RECEIPT_KEY = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
const OPTIONS: ReceiptOptions = {
  signer: { sign: (message) => sign(null, message, privateKey) },
  kid: () => 'k1',
  onInternalError: (_, error) => {
    throw error;
  },
  now: () => NOW,
};
const OPERATION: Route['operation'] = { summary: 's', tag: 'models', credential: 'none', responses: {} };
const ASKS = { 'x-sotto-receipt': '1', 'content-type': 'application/json' };

interface Asked {
  readonly body: string;
  readonly headers?: HeaderFields;
  readonly sealedBy?: SealedBy;
  readonly options?: Partial<ReceiptOptions>;
}

/** Sends a request to a whole router in front of `upstream`, by a route that gives receipts. */
async function ask({ body, headers = ASKS, sealedBy = null, options = {} }: Asked) {
  const upstream = await startStandIn();
  onTestFinished(() => upstream.close());
  const router = await testRouter({ protocols: ['clear'], upstreams: upstreamsAt(upstream.baseUrl) });
  const path = '/v1/chat/completions';
  // The router behind the route is not asked for one of its own.
  const handle: Route['handle'] = (exchange) =>
    router.handle({ ...exchange, request: { ...exchange.request, headers: { 'content-type': 'application/json' } } });
  const routes: Route[] = [{ method: 'POST', path, handle, operation: OPERATION }];
  const sink = new CollectingSink();
  try {
    await routeTable(withReceipts({ ...OPTIONS, ...options }, routes))({
      id: 'r1',
      request: {
        method: 'POST',
        path,
        query: '',
        headers,
        sealedBy,
        sealedTier: null,
        body: () => Promise.resolve(Buffer.from(body)),
      },
      sink,
    });
  } catch (error) {
    sendError(sink, asApiError(error));
  }
  const answer = await sink.answer;
  return { ...answer, text: Buffer.from(answer.body).toString() };
}

describe('a request that asks for a receipt', () => {
  test('gets one of its own body and of the answer’s', async () => {
    const body = JSON.stringify(chat('hello'));
    const answer = await ask({ body });
    const bodies = { request: Buffer.from(body), answer: answer.body };
    const receipt = answer.headers['x-sotto-receipt'] ?? '';
    await expect(verifyReceipt(nodeCrypto, nodeEd25519Verify, receipt, RECEIPT_KEY, bodies)).resolves.toMatchObject({
      kid: 'k1',
      time: 1_800_000_000,
      model: 'm',
      tier: 'standard',
      upstreamClass: 'loopback',
    });
    expect(answer.text).toContain('echo: hello');
  });

  test('gets one behind its stream', async () => {
    const body = JSON.stringify(chat('hello there', { stream: true }));
    const { body: stream, headers } = await ask({ body });
    expect(headers['x-sotto-receipt']).toBeUndefined();
    const split = splitReceiptComment(stream);
    expect(Buffer.from(split?.answer ?? []).toString()).toMatch(/data: \[DONE\]\n\n$/);
    const bodies = { request: Buffer.from(body), answer: split?.answer };
    await expect(
      verifyReceipt(nodeCrypto, nodeEd25519Verify, split?.receipt ?? '', RECEIPT_KEY, bodies),
    ).resolves.toMatchObject({ model: 'm' });
  });

  test('gets none of an error', async () => {
    const { status, headers } = await ask({ body: JSON.stringify(chat('hello', { model: 'none' })) });
    expect([status, headers['x-sotto-receipt']]).toEqual([404, undefined]);
  });

  test('gets its answer, and no receipt, where the key fails', async () => {
    const failures: unknown[] = [];
    const options = {
      signer: { sign: () => Promise.reject(new Error('no key')) },
      onInternalError: (...told: unknown[]) => failures.push(told),
    };
    const answer = await ask({ body: JSON.stringify(chat('hello')), options });
    expect([answer.status, answer.headers['x-sotto-receipt']]).toEqual([200, undefined]);
    expect(failures).toEqual([['r1', new Error('no key')]]);
  });

  test.each<[string, HeaderFields, SealedBy]>([
    ['in other words', { ...ASKS, 'x-sotto-receipt': 'yes' }, 'ohttp'],
    ['with nothing', { ...ASKS, 'x-sotto-receipt': '' }, null],
    ['outside of its ciphertext', ASKS, 'ehbp'],
    ['in a protocol that has no place for it', ASKS, 'nomyo-v1'],
  ])('is refused when it does so %s', async (_, headers, sealedBy) => {
    const { status, text } = await ask({ body: JSON.stringify(chat('hello')), headers, sealedBy });
    expect([status, JSON.parse(text)]).toMatchObject([
      400,
      { error: { code: 'invalid_request', param: 'X-Sotto-Receipt' } },
    ]);
  });

  test('gets none where it does not name its model', async () => {
    const upstreamAnswer = { 'x-sotto-tier': 'standard', 'x-sotto-upstream-class': 'remote' };
    const route: Route = {
      method: 'POST',
      path: '/chat',
      handle: async ({ request, sink }) => {
        if ((await request.body(100)).length === 0) throw apiError('invalid_json', 'no body');
        sink.head(200, { ...upstreamAnswer, 'content-type': 'application/json' });
        sink.end();
      },
      operation: OPERATION,
    };
    for (const body of ['{}', '{"model":""}', '{"model":7}', `{"model":"${'m'.repeat(257)}"}`, '[]', 'x']) {
      const sink = new CollectingSink();
      const request = { method: 'POST', path: '/chat', query: '', headers: ASKS, sealedBy: null, sealedTier: null };
      const bytes = () => Promise.resolve(Buffer.from(body));
      await routeTable(withReceipts(OPTIONS, [route]))({ id: 'r', request: { ...request, body: bytes }, sink });
      expect((await sink.answer).headers['x-sotto-receipt'], body).toBeUndefined();
    }
  });
});

test('a request that asks for no receipt passes as it is', async () => {
  const { headers } = await ask({ body: JSON.stringify(chat('hello')), headers: {} });
  expect(headers['x-sotto-receipt']).toBeUndefined();
});
