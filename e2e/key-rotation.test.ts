import { createSecureFetch, type SecureFetch } from '@sotto/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gate } from '../packages/router/test/eventually.ts';
import { completionEvents, type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import { API_KEY, startRouterAt } from './sealed-router.ts';

const REQUESTS = 200;
const AT_ONCE = 16;
const ROTATE_EVERY = 40;
let upstream: StandInUpstream;

beforeAll(async () => {
  upstream = await startStandIn(['m']);
});
afterAll(() => upstream.close());

function ask(fetch: SecureFetch, url: string, content: string, stream = false): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content }], stream }),
  });
}

/** A client that counts how often it asks for keys. */
function client(routerUrl: string): { readonly fetch: SecureFetch; keyRequests(): number } {
  let asked = 0;
  const fetch = createSecureFetch({
    routerUrl,
    allowHttp: true,
    fetch: (url, init) => {
      if (init.method === 'GET') asked++;
      return globalThis.fetch(url, init);
    },
  });
  return { fetch, keyRequests: () => asked };
}

describe('rotating keys under load', () => {
  test('loses no request, and gives each answer to the one who asked', async () => {
    const { router, server } = await startRouterAt(upstream.baseUrl);
    const first = client(server.url);
    const clients = [first];
    const keyIds = new Set([(await first.fetch.connection()).keyId]);
    let sent = 0;
    let rotations = Promise.resolve();
    const rotate = async (): Promise<void> => {
      await router.rotateKeys();
      // Whoever comes now seals to the new key; those before stay with theirs for as long as the router said.
      const next = client(server.url);
      keyIds.add((await next.fetch.connection()).keyId);
      clients.push(next);
    };
    const worker = async (): Promise<void> => {
      for (let number = sent++; number < REQUESTS; number = sent++) {
        if (number > 0 && number % ROTATE_EVERY === 0) rotations = rotations.then(rotate);
        const { fetch } = clients[number % clients.length] ?? first;
        const answer = await ask(fetch, server.url, `question ${number}`, number % 3 === 0);
        expect(answer.status).toBe(200);
        const text = await answer.text();
        // A streamed answer comes word by word.
        expect(text).toContain(number % 3 === 0 ? `" ${number}"` : `echo: question ${number}"`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await rotations;
    expect(keyIds.size).toBe(REQUESTS / ROTATE_EVERY);
    expect(clients.every(({ keyRequests }) => keyRequests() === 1)).toBe(true);
    await server.close();
  });

  test('leaves a stream alone that began before', async () => {
    const { router, server } = await startRouterAt(upstream.baseUrl);
    const { fetch } = client(server.url);
    const rotated = gate();
    const [begin, ...rest] = completionEvents(['before', ' after']);
    upstream.behave(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(begin);
      await rotated.opened;
      response.end(`${rest.join('')}data: [DONE]\n\n`);
    });
    const answer = await ask(fetch, server.url, 'x', true);
    await router.rotateKeys();
    await router.rotateKeys();
    rotated.open();
    const text = await answer.text();
    expect(text).toContain(' after');
    expect(text).toContain('[DONE]');
    await server.close();
  });
});

describe('a router that starts again, with other keys at the same address', () => {
  test('is asked for its keys once, by a client with many requests, and answers all of them', async () => {
    const before = await startRouterAt(upstream.baseUrl);
    const { url } = before.server;
    const { fetch, keyRequests } = client(url);
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"choices":[]}');
    });
    expect((await ask(fetch, url, 'before')).status).toBe(200);
    const { keyFingerprint } = await fetch.connection();
    await before.server.close();

    const after = await startRouterAt(upstream.baseUrl, { listen: url.slice('http://'.length) });
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => ask(fetch, url, 'after')));
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(AT_ONCE).fill(200));
    await Promise.all(answers.map((answer) => answer.json()));
    expect(keyRequests()).toBe(2);
    expect((await fetch.connection()).keyFingerprint).not.toBe(keyFingerprint);
    await after.server.close();
  });
});
