import { generateKeyPairSync, sign } from 'node:crypto';
import { nodeCrypto, nodeEd25519Verify } from '@sotto/protocol/node';
import { splitReceiptComment, verifyReceipt } from '@sotto/protocol/receipt';
import { expect, onTestFinished, test } from 'vitest';
import { ohttpGatewayRoutes } from '../../src/gateways/ohttp/gateway.ts';
import { nextSeed } from '../../src/hpke-keys/key-generation.ts';
import { KeySchedule } from '../../src/hpke-keys/key-schedule.ts';
import { fetchWith } from '../../src/http/fetch-adapter.ts';
import { type Route, routeTable } from '../../src/http/route-table.ts';
import { withReceipts } from '../../src/receipts/with-receipts.ts';
import { ReplayWindow } from '../../src/replay/replay-window.ts';
import { ask, chatInput, type Fetch } from '../gateways/ohttp/sealing-client.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const RECEIPT_KEY = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
const SOURCE = { 'x-sotto-tier': 'maximum', 'x-sotto-upstream-class': 'builtin' };

/** A gateway in front of one route of a model, whose answer the test writes. */
async function gatewayTo(answer: Route['handle']): Promise<Fetch> {
  const keys = new KeySchedule();
  onTestFinished(() => keys.destroy());
  await keys.add(nextSeed(null, { rotationMs: 3_600_000, overlapMs: 60_000 }, Date.now()));
  const onInternalError = (_: string, error: unknown): void => {
    throw error;
  };
  const route: Route = {
    method: 'POST',
    path: '/v1/chat/completions',
    handle: answer,
    operation: { summary: 's', tag: 'models', credential: 'none', responses: {} },
  };
  const signer = { sign: (message: Uint8Array) => sign(null, message, privateKey) };
  const inner = routeTable(withReceipts({ signer, kid: () => 'k1', onInternalError }, [route]));
  const gateway = ohttpGatewayRoutes({
    keys,
    handle: inner,
    onInternalError,
    timed: () => {},
    replays: new ReplayWindow(300_000, 100),
    replayWindowMs: 300_000,
    maxBodyBytes: 100_000,
    maxAnswerBytes: 100_000,
    coalesceMs: () => 0,
  });
  return fetchWith(async (exchange) => routeTable(gateway)(exchange));
}

test('a sealed answer has its receipt inside the ciphertext, and nothing of it outside', async () => {
  const outside: string[] = [];
  const gateway = await gatewayTo(async ({ request, sink }) => {
    await request.body(100_000);
    sink.head(200, { ...SOURCE, 'content-type': 'application/json', 'content-length': '2' });
    sink.write(Buffer.from('{}'));
    sink.end();
  });
  const watched: Fetch = async (request) => {
    const response = await gateway(request);
    outside.push(...[...response.headers].flat());
    return response;
  };
  const input = chatInput({}, [['x-sotto-receipt', '1']]);
  const { status, headers, text } = await ask(watched, input);
  expect([status, text]).toEqual([200, '{}']);
  const bodies = { request: Buffer.from(input.body ?? ''), answer: Buffer.from(text) };
  const receipt = headers['x-sotto-receipt'] ?? '';
  await expect(verifyReceipt(nodeCrypto, nodeEd25519Verify, receipt, RECEIPT_KEY, bodies)).resolves.toMatchObject({
    tier: 'maximum',
    upstreamClass: 'builtin',
  });
  expect(outside.join()).not.toContain('x-sotto');
});

test('a sealed stream has its receipt as the last thing before its end', async () => {
  const gateway = await gatewayTo(async ({ request, sink }) => {
    await request.body(100_000);
    sink.preset(SOURCE);
    sink.head(200, { 'content-type': 'text/event-stream' });
    for (const event of ['data: 1\n\n', 'data: [DONE]\n\n']) sink.write(Buffer.from(event));
    sink.end();
  });
  const { text } = await ask(gateway, chatInput({ stream: true }, [['x-sotto-receipt', '1']]));
  const split = splitReceiptComment(Buffer.from(text));
  expect(Buffer.from(split?.answer ?? []).toString()).toBe('data: 1\n\ndata: [DONE]\n\n');
  const verified = verifyReceipt(nodeCrypto, nodeEd25519Verify, split?.receipt ?? '', RECEIPT_KEY, {
    answer: split?.answer,
  });
  await expect(verified).resolves.toMatchObject({ kid: 'k1' });
});
