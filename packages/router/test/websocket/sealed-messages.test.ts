import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually, gate } from '../eventually.ts';
import { sealFor } from '../gateways/ohttp/open-exchange.ts';
import { chatInput, codeOf, open, readAnswer, type Sealed } from '../gateways/ohttp/sealing-client.ts';
import { chat, startRouter, type TestConfig, upstreamsAt } from '../running-router.ts';
import { completionEvents, type StandInUpstream, startStandIn, wellBehaved } from '../stand-in-upstream.ts';
import { connectTo, isError, type SocketClient } from './socket-client.ts';

const KEY = 'sotto_sealed-key';
const AUTHORIZED = [['authorization', `Bearer ${KEY}`]] as const;
let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn();
});
beforeEach(() => upstream.behave(wellBehaved(['m'])));
afterAll(() => upstream.close());

async function start(more: Partial<TestConfig> = {}) {
  const { url } = await startRouter({
    keys: [{ name: 'k', key: KEY }],
    upstreams: upstreamsAt(upstream.baseUrl),
    ...more,
  });
  return { url, client: await connectTo(`${url}/v1/chat/completions`) };
}

const sealedMessage = (requestId: string, { body }: Sealed) => ({
  type: 'sealed',
  request_id: requestId,
  message: Buffer.from(body).toString('base64'),
});

/** What came of a request's sealed answer so far. */
function sealedBytes({ received }: SocketClient, requestId: string): Uint8Array {
  const chunks = received.filter((message) => message.type === 'sealed' && message.request_id === requestId);
  return Buffer.concat(chunks.map(({ chunk }) => Buffer.from(chunk ?? '', 'base64')));
}

async function answerOf(client: SocketClient, requestId: string, sealed: Sealed) {
  await client.until(({ done, request_id: id }) => done === true && id === requestId);
  return open(sealed, sealedBytes(client, requestId));
}

describe('a sealed message', () => {
  test('is answered sealed, on a connection without a key, beside another one', async () => {
    const { url, client } = await start();
    const [whole, streamed] = [
      await sealFor(url, chatInput({}, AUTHORIZED)),
      await sealFor(url, chatInput({ stream: true }, AUTHORIZED)),
    ];
    client.send(sealedMessage('whole', whole));
    client.send(sealedMessage('streamed', streamed));
    expect((await answerOf(client, 'whole', whole)).text).toContain('"echo: hello sealed world"');
    const stream = await answerOf(client, 'streamed', streamed);
    expect(stream.status).toBe(200);
    expect(stream.text.trimEnd().endsWith('data: [DONE]')).toBe(true);
    expect(client.texts.join()).not.toMatch(/echo|hello|choices/);
  });

  test('is all that a router takes which serves nothing in clear', async () => {
    const { url, client } = await start({ protocols: ['ohttp'] });
    client.send(chat('in clear', { request_id: 'clear' }));
    await client.until(isError('sealed_request_required'));
    const sealed = await sealFor(url, chatInput({}, AUTHORIZED));
    client.send(sealedMessage('a', sealed));
    expect((await answerOf(client, 'a', sealed)).status).toBe(200);
    client.send({ type: 'auth', api_key: KEY });
    expect((await client.closed).code).toBe(1008);
  });

  test('is streamed as it comes', async () => {
    const hold = gate();
    upstream.behave(async (_request, response) => {
      const [first, ...rest] = completionEvents(['begun', ' finished']);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(first);
      await hold.opened;
      response.end(`${rest.join('')}data: [DONE]\n\n`);
    });
    const { url, client } = await start();
    const sealed = await sealFor(url, chatInput({ stream: true }, AUTHORIZED));
    client.send(sealedMessage('a', sealed));
    const reader = readAnswer(sealed);
    let read = 0;
    await eventually('its first word is there', async () => {
      const bytes = sealedBytes(client, 'a');
      await reader.opener.push(bytes.subarray(read));
      read = bytes.length;
      return reader.text().includes('begun');
    });
    expect(reader.text()).not.toContain('finished');
    hold.open();
    await client.until(({ done }) => done === true);
    await reader.opener.push(sealedBytes(client, 'a').subarray(read));
    expect((await reader.finish()).text).toContain('finished');
  });

  test('is answered once: the same one again is refused inside', async () => {
    const { url, client } = await start();
    const sealed = await sealFor(url, chatInput({}, AUTHORIZED));
    client.send(sealedMessage('first', sealed));
    expect((await answerOf(client, 'first', sealed)).status).toBe(200);
    const asked = upstream.seen.length;
    client.send(sealedMessage('again', sealed));
    expect(codeOf(await answerOf(client, 'again', sealed))).toBe('replayed_request');
    expect(upstream.seen).toHaveLength(asked);
  });

  test('without a key inside is refused inside, whatever key the connection has', async () => {
    const { url } = await start();
    const client = await connectTo(`${url}/v1/chat/completions?token=${KEY}`);
    const sealed = await sealFor(url, chatInput());
    client.send(sealedMessage('a', sealed));
    expect(codeOf(await answerOf(client, 'a', sealed))).toBe('missing_api_key');
  });

  test('that is cancelled frees the upstream', async () => {
    let over = false;
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(completionEvents(['begun'])[0]);
      response.on('close', () => {
        over = true;
      });
    });
    const { url, client } = await start();
    client.send(sealedMessage('a', await sealFor(url, chatInput({ stream: true }, AUTHORIZED))));
    await client.until(({ chunk }) => chunk !== undefined);
    expect(over).toBe(false);
    client.send({ type: 'cancel', request_id: 'a' });
    await eventually('the upstream is let go', () => over);
  });

  test.each([
    ['cannot be opened', 'decryption_failed', (body: Uint8Array) => body.fill(1, 50, 60)],
    ['is too short to be one', 'decryption_failed', (body: Uint8Array) => body.subarray(0, 3)],
    ['is sealed under no key of the router', 'unknown_key_id', (body: Uint8Array) => body.fill(body[0] ? 0 : 1, 0, 1)],
  ])('that %s is an error in clear, and the connection goes on', async (_what, code, spoil) => {
    const { url, client } = await start();
    const sealed = await sealFor(url, chatInput({}, AUTHORIZED));
    client.send(sealedMessage('bad', { ...sealed, body: spoil(new Uint8Array(sealed.body)) }));
    const { request_id: id, error } = await client.until((message) => message.error !== undefined);
    expect([id, error?.code]).toEqual(['bad', code]);
    client.send({ type: 'ping' });
    await client.until(({ type }) => type === 'pong');
  });

  test.each([
    ['has no request_id', { type: 'sealed', message: 'AAAA' }],
    ['is no base64', { type: 'sealed', request_id: 'a', message: 'AA A' }],
  ])('that %s is an error', async (_what, message) => {
    const { client } = await start();
    client.send(message);
    await client.until(isError('invalid_request'));
  });

  test('is a 404 where ohttp is not served', async () => {
    const { client } = await start({ protocols: ['clear'] });
    client.send({ type: 'sealed', request_id: 'a', message: 'AAAA' });
    expect((await client.until(isError('not_found'))).request_id).toBe('a');
  });
});
