import { request as httpRequest } from 'node:http';
import { createRouter, type Router, type RouterServer, serve } from '@sotto/router';
import { DecryptionError, KeyConfigMismatchError, Transport } from 'ehbp';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  completion,
  completionEvents,
  json,
  type StandInUpstream,
  startStandIn,
} from '../packages/router/test/stand-in-upstream.ts';
import { type ManInTheMiddle, type PassingRequest, sendOn, startManInTheMiddle } from './man-in-the-middle.ts';

const KEY = 'sotto_ehbp_e2e';
const SECRET = 'the words that nobody on the way may read';
const QUESTION = { model: 'm', messages: [{ role: 'user' as const, content: SECRET }] };
const WORDS = ['sealed', ' words', ' one', ' by', ' one'];

let upstream: StandInUpstream;
let router: Router;
let server: RouterServer;
let middle: ManInTheMiddle;

beforeAll(async () => {
  upstream = await startStandIn(['m']);
  router = await createRouter({
    listen: '127.0.0.1:0',
    protocols: ['ehbp'],
    keys: [
      { name: 'all', key: KEY },
      { name: 'once', key: 'sotto_ehbp_once', limits: { requestsPerMinute: 1 } },
    ],
    upstreams: [{ name: 'good', baseUrl: upstream.baseUrl, models: ['m'], tier: 'high' }],
  });
  server = await serve(router);
  middle = await startManInTheMiddle(server.url);
});
beforeEach(() => {
  middle.attack({});
  upstream.behave((request, response) => {
    if (request.body['stream'] !== true) return json(completion(WORDS.join('')))(request, response);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of completionEvents(WORDS)) response.write(event);
    response.end('data: [DONE]\n\n');
  });
});
afterAll(async () => {
  await middle.close();
  await server.close();
  await upstream.close();
});

/** OpenAI's SDK over npm's client. */
async function openaiOver(url: string, apiKey = KEY): Promise<OpenAI> {
  const transport = await Transport.create(url);
  return new OpenAI({
    baseURL: `${url}/v1`,
    apiKey,
    maxRetries: 0,
    fetch: (input, init) => transport.request(input, init),
  });
}

/** What the SDK throws where a question is not answered. */
async function failureOf(client: OpenAI): Promise<unknown> {
  return client.chat.completions.create(QUESTION).then(
    () => null,
    (error: unknown) => error,
  );
}

/** One sealed request as npm's client makes it, without sending it. */
async function sealedByNpm(): Promise<PassingRequest> {
  const transport = await Transport.create(server.url);
  const plain = new Request(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(QUESTION),
  });
  const { request } = await transport.getServerIdentity().encryptRequestWithContext(plain);
  const headers = Object.fromEntries(request.headers);
  return { method: 'POST', path: '/v1/chat/completions', headers, body: Buffer.from(await request.arrayBuffer()) };
}

describe('npm’s ehbp under OpenAI’s SDK', () => {
  test('completes a chat, unread on the way', async () => {
    const bodies: Buffer[] = [];
    middle.attack({
      onAnswer: (answer) => {
        bodies.push(answer.body);
        return answer;
      },
    });
    const client = await openaiOver(middle.url);
    const answer = await client.chat.completions.create(QUESTION);
    expect(answer.choices[0]?.message.content).toBe(WORDS.join(''));
    expect(upstream.seen.at(-1)?.body).toMatchObject(QUESTION);
    const passed = [...middle.seen.map(({ body }) => body), ...bodies].map((body) => body.toString('latin1'));
    for (const text of passed) for (const words of [SECRET, 'sealed words']) expect(text).not.toContain(words);
  });

  test('streams', async () => {
    const client = await openaiOver(server.url);
    const words: string[] = [];
    for await (const chunk of await client.chat.completions.create({ ...QUESTION, stream: true })) {
      words.push(chunk.choices[0]?.delta.content ?? '');
    }
    expect(words.filter((word) => word !== '')).toEqual(WORDS);
  });

  test('sends 12 MB in the one frame that it makes of any body', async () => {
    const client = await openaiOver(server.url);
    const content = 'y'.repeat(12_000_000);
    const answer = await client.chat.completions.create({ model: 'm', messages: [{ role: 'user', content }] });
    expect(answer.choices).toHaveLength(1);
  });

  test('is told its tier', async () => {
    const client = await openaiOver(server.url);
    const { response } = await client.chat.completions
      .create(QUESTION, { headers: { 'x-security-tier': 'high' } })
      .withResponse();
    expect(response.headers.get('x-sotto-tier')).toBe('high');
  });

  test.each<[string, string, object, number, string]>([
    ['a wrong key', 'sotto_wrong', {}, 401, 'invalid_api_key'],
    ['a model nobody has', KEY, { model: 'none' }, 404, 'model_not_found'],
    ['no messages', KEY, { messages: 'none' }, 400, 'invalid_request'],
    ['a tier nobody offers', KEY, { security_tier: 'maximum' }, 403, 'tier_not_available'],
  ])('gets the error of %s out of the ciphertext', async (_what, apiKey, more, status, code) => {
    const client = await openaiOver(server.url, apiKey);
    const refused = client.chat.completions.create({ ...QUESTION, ...more });
    await expect(refused).rejects.toBeInstanceOf(OpenAI.APIError);
    await expect(refused).rejects.toMatchObject({ status, code });
  });

  test('gets a rate limit as one: npm’s client gives up on a 429 in clear', async () => {
    const client = await openaiOver(server.url, 'sotto_ehbp_once');
    await client.chat.completions.create(QUESTION);
    const refused = client.chat.completions.create(QUESTION);
    await expect(refused).rejects.toBeInstanceOf(OpenAI.RateLimitError);
    await expect(refused).rejects.toMatchObject({ code: 'rate_limit_exceeded' });
  });

  test('gets the failure of a model server, and never a stream that looks finished', async () => {
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(completionEvents(WORDS)[0], () => response.destroy());
    });
    const client = await openaiOver(server.url);
    const words: string[] = [];
    const read = async (): Promise<void> => {
      for await (const chunk of await client.chat.completions.create({ ...QUESTION, stream: true })) {
        words.push(chunk.choices[0]?.delta.content ?? '');
      }
    };
    await expect(read()).rejects.toMatchObject({ code: 'upstream_failed' });
    expect(words).toEqual([WORDS[0]]);
  });

  test('sends what has no body in clear, and this router does not take it', async () => {
    const client = await openaiOver(server.url);
    await expect(client.models.list()).rejects.toMatchObject({ status: 403, code: 'sealed_request_required' });
  });
});

describe('when the router’s key changes', () => {
  test('npm’s client does not notice while the old one is opened, and is told to fetch the new one after', async () => {
    const transport = await Transport.create(server.url);
    const ask = (): Promise<Response> =>
      transport.post(`${server.url}/v1/chat/completions`, JSON.stringify(QUESTION), {
        headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      });
    await router.rotateKeys();
    expect((await ask()).status).toBe(200);
    // Only so many old keys are tried.
    for (let count = 0; count < 3; count++) await router.rotateKeys();
    await expect(ask()).rejects.toBeInstanceOf(KeyConfigMismatchError);
    // It keeps the key it has for good: who uses it makes a new one.
    await expect(ask()).rejects.toBeInstanceOf(KeyConfigMismatchError);
    const renewed = await openaiOver(server.url);
    expect((await renewed.chat.completions.create(QUESTION)).choices).toHaveLength(1);
  });

  test('OpenAI’s SDK calls it a connection that failed, with the reason as its cause', async () => {
    const client = await openaiOver(server.url);
    for (let count = 0; count < 4; count++) await router.rotateKeys();
    const failure = await failureOf(client);
    expect(failure).toBeInstanceOf(OpenAI.APIConnectionError);
    expect(failure).toHaveProperty('cause.name', 'KeyConfigMismatchError');
  });
});

describe('who stands between npm’s client and the router', () => {
  const change = (body: Buffer, offset: number): Buffer => {
    const changed = Buffer.from(body);
    changed[offset] = (changed[offset] ?? 0) ^ 1;
    return changed;
  };

  test('changes a request, and it is not answered', async () => {
    const asked = upstream.seen.length;
    middle.attack({ onRequest: (seen) => (seen.method === 'GET' ? seen : { ...seen, body: change(seen.body, 50) }) });
    const client = await openaiOver(middle.url);
    expect(await failureOf(client)).toHaveProperty('cause.name', 'KeyConfigMismatchError');
    expect(upstream.seen).toHaveLength(asked);
  });

  test('changes an answer, and it is not read', async () => {
    middle.attack({
      onAnswer: (answer, to) => (to.method === 'GET' ? answer : { ...answer, body: change(answer.body, 50) }),
    });
    const transport = await Transport.create(middle.url);
    const answer = await transport.post(`${middle.url}/v1/chat/completions`, JSON.stringify(QUESTION), {
      headers: { authorization: `Bearer ${KEY}` },
    });
    await expect(answer.text()).rejects.toBeInstanceOf(DecryptionError);
  });

  test('answers in the router’s place, and is not believed', async () => {
    const body = Buffer.from(JSON.stringify(completion('forged')));
    middle.attack({
      onRequest: (seen) =>
        seen.method === 'GET' ? seen : { status: 200, headers: { 'content-type': 'application/json' }, body },
    });
    const client = await openaiOver(middle.url);
    expect(await failureOf(client)).toHaveProperty('cause.name', 'ProtocolError');
  });

  test('sends a request again, and gets nothing but a sealed refusal', async () => {
    const message = await sealedByNpm();
    const asked = upstream.seen.length;
    const first = await sendOn(server.url, message);
    const second = await sendOn(server.url, message);
    expect([first.status, second.status]).toEqual([200, 400]);
    expect(second.headers['ehbp-response-nonce']).toMatch(/^[0-9a-f]{64}$/);
    expect(second.body.toString('latin1')).not.toContain('error');
    expect(upstream.seen.length - asked).toBe(1);
  });

  test.each([
    ['twice', (key: string) => [key, key]],
    ['in capitals', (key: string) => [key.toUpperCase()]],
    ['cut short', (key: string) => [key.slice(0, 62)]],
    ['empty', () => ['']],
  ])('sends the encapsulated key %s, and is refused', async (_how, values) => {
    const { headers, body } = await sealedByNpm();
    const key = String(headers['ehbp-encapsulated-key']);
    const asked = upstream.seen.length;
    const status = await new Promise((resolve, reject) => {
      const request = httpRequest(`${server.url}/v1/chat/completions`, { method: 'POST' });
      request.setHeader('authorization', `Bearer ${KEY}`);
      request.setHeader('ehbp-encapsulated-key', values(key));
      request.on('response', (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on('error', reject);
      request.end(body);
    });
    expect(status).toBe(400);
    expect(upstream.seen).toHaveLength(asked);
  });
});
