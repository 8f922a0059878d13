import { Buffer } from 'node:buffer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorOf, send } from '../../http-client.ts';
import { ask, openAnswer, post, sealFor } from '../../nomyo-client.ts';
import { chat, startRouter, upstreamsAt } from '../../running-router.ts';
import { withSharedVectors } from '../../shared-folder.ts';
import { completion, json, type StandInUpstream, startStandIn } from '../../stand-in-upstream.ts';

let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn();
});
afterAll(() => upstream.close());

const router = () => startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });

describe('a sealed request', () => {
  test('is answered sealed, and the envelope says when', async () => {
    const { url } = await router();
    const answer = await ask(url, chat('hello ü'));
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/octet-stream');
    expect(answer.headers['x-request-id']).toMatch(/^req_[0-9a-f]{24}$/);
    expect(Math.abs(Number(answer.json()['processed_at']) - Date.now() / 1000)).toBeLessThan(60);
    expect(answer.text).not.toContain('hello');
    expect(await openAnswer(answer)).toMatchObject({ choices: [{ message: { content: 'echo: hello ü' } }] });
  });

  test('is told inside the ciphertext which tier and what upstream it had', async () => {
    const { url } = await router();
    const answer = await openAnswer(await ask(url, chat('x')));
    expect(answer['_metadata']).toEqual({
      security_tier: 'standard',
      security_tier_source: 'default',
      upstream_class: 'loopback',
    });
  });

  test.each([
    ['an object', { mine: 1 }, { mine: 1, security_tier: 'standard' }],
    ['a string', 'mine', { security_tier: 'standard' }],
    ['a list', [1], { security_tier: 'standard' }],
    ['null', null, { security_tier: 'standard' }],
  ])('has _metadata that is an object, also where the upstream makes it %s', async (_kind, theirs, expected) => {
    const { url } = await router();
    upstream.behave(json({ ...completion('x'), _metadata: theirs }));
    expect((await openAnswer(await ask(url, chat('x'))))['_metadata']).toMatchObject(expected);
  });

  test('has its answer in its own form: tag apart or at the end of the ciphertext', async () => {
    const { url } = await router();
    const request = await sealFor(url, chat('x'));
    const separate = await post(url, request);
    expect(separate.json()['encrypted_payload']).toHaveProperty('tag');
    const members = JSON.parse((await sealFor(url, chat('x'))).body) as {
      encrypted_payload: { ciphertext: string; nonce: string; tag: string };
    };
    const { ciphertext, nonce, tag } = members.encrypted_payload;
    const sealed = Buffer.concat([Buffer.from(ciphertext, 'base64'), Buffer.from(tag, 'base64')]).toString('base64');
    const body = JSON.stringify({ ...members, encrypted_payload: { ciphertext: sealed, nonce } });
    const appended = await post(url, { ...request, body });
    expect(appended.json()['encrypted_payload']).not.toHaveProperty('tag');
    expect(await openAnswer(appended)).toHaveProperty('choices');
  });

  test('never reaches the upstream streamed, whatever it asks for', async () => {
    const { url } = await router();
    upstream.behave(json(completion('x')));
    const answer = await ask(url, chat('x', { stream: true, stream_options: { include_usage: true }, tools: [] }));
    expect(answer.status).toBe(200);
    expect(upstream.seen.at(-1)?.body).toEqual(chat('x', { stream: false, tools: [] }));
  });

  test('takes nothing of its outer header fields to the upstream', async () => {
    const { url } = await router();
    upstream.behave(json(completion('x')));
    await ask(url, chat('x'), { headers: { authorization: 'Bearer whatever-it-is', 'x-forwarded-for': '1.2.3.4' } });
    const headers = upstream.seen.at(-1)?.headers ?? {};
    const names = ['authorization', 'x-public-key', 'x-payload-id', 'x-security-tier', 'x-forwarded-for'];
    for (const name of names) expect(headers).not.toHaveProperty(name);
  });

  test('of two megabytes is answered in full', async () => {
    const { url } = await router();
    upstream.behave((request, response) => json(completion(String(request.bodyText.length)))(request, response));
    const answer = await openAnswer(await ask(url, chat('p'.repeat(2_000_000))));
    const [choice] = answer['choices'] as { message: { content: string } }[];
    expect(Number(choice?.message.content)).toBeGreaterThan(2_000_000);
  });

  test('is answered twelve at once, each with its own answer', async () => {
    const { url } = await router();
    upstream.behave((request, response) => {
      const [message] = request.body['messages'] as { content: string }[];
      json(completion(`to ${message?.content ?? ''}`))(request, response);
    });
    const names = Array.from({ length: 12 }, (_, index) => `caller ${index}`);
    const contents = await Promise.all(
      names.map(async (name) => {
        const [choice] = (await openAnswer(await ask(url, chat(name))))['choices'] as {
          message: { content: string };
        }[];
        return choice?.message.content;
      }),
    );
    expect(contents).toEqual(names.map((name) => `to ${name}`));
  });

  test('may have members that nobody knows in its envelope', async () => {
    const { url } = await router();
    upstream.behave(json(completion('x')));
    const request = await sealFor(url, chat('x'));
    const body = JSON.stringify({ ...(JSON.parse(request.body) as object), payload_id: 'x', later: [1] });
    expect((await post(url, { ...request, body })).status).toBe(200);
  });

  test('may carry an id that is no UUID', async () => {
    const { url } = await router();
    const answer = await ask(url, chat('x'), {
      headers: { 'x-payload-id': 'openai-compat-1795304440238-68ezknb2d4a' },
    });
    expect(answer.status).toBe(200);
  });
});

describe('the public key', () => {
  test('is PEM, cacheable by its ETag, and says that bindings are understood', async () => {
    const { url, router: running } = await router();
    const answer = await send(`${url}/pki/public_key`);
    expect(answer.text).toMatch(/^-----BEGIN PUBLIC KEY-----\n/);
    expect(answer.headers['content-type']).toMatch(/^text\/plain/);
    expect(answer.headers['sotto-binding']).toBe('1');
    expect(answer.headers.etag).toBe(`"${running.rsaFingerprint ?? ''}"`);
    const cached = await send(`${url}/pki/public_key`, { headers: { 'if-none-match': answer.headers.etag } });
    expect(cached.status).toBe(304);
    expect(cached.body).toHaveLength(0);
  });

  test('and the route are not there where the operator left nomyo-v1 out', async () => {
    const { url, router: running } = await startRouter({
      upstreams: upstreamsAt(upstream.baseUrl),
      protocols: ['clear'],
    });
    expect(running.rsaFingerprint).toBeNull();
    expect(errorOf(await send(`${url}/pki/public_key`)).code).toBe('not_found');
    expect(errorOf(await send(`${url}/v1/chat/secure_completion`, { body: '{}' })).code).toBe('not_found');
  });
});

withSharedVectors<{ server: { privateKeyPem: string } }>('nomyo/keys.json', ({ server }) => {
  const captures = ['python-1-chat', 'python-2-tools-tier', 'python-4-loaded-key', 'js-1-chat', 'js-2-tools'] as const;
  for (const name of captures) {
    withSharedVectors<{
      request: { rawHeaders: string[]; bodyText: string };
      decrypted: { plaintextText: string };
    }>(`nomyo/${name}.json`, ({ request, decrypted }) => {
      test(`the recorded request ${name} is answered to its own client`, async () => {
        const payload = JSON.parse(decrypted.plaintextText) as { model: string; security_tier?: string };
        const fields: Record<string, string> = {};
        request.rawHeaders.forEach((field, index) => {
          if (index % 2 === 0) fields[field.toLowerCase()] = request.rawHeaders[index + 1] ?? '';
        });
        const { authorization, 'x-public-key': key = '', 'x-payload-id': id = '' } = fields;
        const der = server.privateKeyPem.replaceAll(/-----[^-]+-----|\s/g, '');
        const tier = 'maximum';
        const running = await startRouter(
          { upstreams: [{ name: 'a', baseUrl: upstream.baseUrl, models: [payload.model], tier, sameTee: true }] },
          { rsaPkcs8: new Uint8Array(Buffer.from(der, 'base64')) },
        );
        upstream.behave(json(completion('answered')));
        const headers = {
          'x-public-key': key,
          'x-payload-id': id,
          ...(authorization === undefined ? {} : { authorization }),
          ...(fields['x-security-tier'] === undefined ? {} : { 'x-security-tier': fields['x-security-tier'] }),
        };
        const answer = await post(running.url, { body: request.bodyText, headers });
        expect(answer.status).toBe(200);
        const style = name.startsWith('js') ? 'appended' : 'separate';
        expect('tag' in (answer.json()['encrypted_payload'] as object)).toBe(style === 'separate');
        const { security_tier: _taken, ...forwarded } = payload;
        expect(upstream.seen.at(-1)?.body).toEqual({ ...forwarded, stream: false });
      });
    });
  }
});
