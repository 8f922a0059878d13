import { KEM_X25519 } from '@sotto/protocol/hpke';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRouter, type Router } from '../../../src/index.ts';
import { type StandInUpstream, startStandIn } from '../../stand-in-upstream.ts';
import { open, outerRequest, recipientOf, seal } from './sealing-client.ts';

let upstream: StandInUpstream;
let router: Router;

const CHAT = { path: '/v1/chat/completions', headers: [['content-type', 'application/json']] } as const;
const chatBody = (more: object = {}): string =>
  JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hello sealed world' }], ...more });

beforeAll(async () => {
  upstream = await startStandIn();
  router = await createRouter({
    auth: 'open',
    protocols: ['ohttp', 'clear'],
    upstreams: [{ name: 'u', baseUrl: upstream.baseUrl, tier: 'maximum', sameTee: true }],
  });
});

afterAll(async () => {
  await router.close();
  await upstream.close();
});

describe('the ohttp gateway', () => {
  it.each([
    ['the hybrid KEM', undefined],
    ['X25519', KEM_X25519],
  ])('answers a request sealed to %s', async (_name, kem) => {
    const sealed = await seal(await recipientOf(router.fetch, kem), { ...CHAT, body: chatBody() });
    const answer = await router.fetch(outerRequest(sealed.body));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('message/ohttp-chunked-res');
    const inner = await open(sealed, answer);
    expect(inner.status).toBe(200);
    expect(inner.text).toContain('echo: hello sealed world');
    expect(inner.headers['x-sotto-tier']).toBe('standard');
  });

  it('streams events and ends with a final chunk', async () => {
    const sealed = await seal(await recipientOf(router.fetch), { ...CHAT, body: chatBody({ stream: true }) });
    const inner = await open(sealed, await router.fetch(outerRequest(sealed.body)));
    expect(inner.headers['content-type']).toContain('text/event-stream');
    expect(inner.text.trimEnd().endsWith('data: [DONE]')).toBe(true);
  });

  it('refuses the same request a second time, inside the ciphertext', async () => {
    const sealed = await seal(await recipientOf(router.fetch), { ...CHAT, body: chatBody() });
    expect((await router.fetch(outerRequest(sealed.body))).status).toBe(200);
    const again = await open(sealed, await router.fetch(outerRequest(sealed.body)));
    expect(again.status).toBe(400);
    expect(JSON.parse(again.text)).toMatchObject({ error: { code: 'replayed_request' } });
  });
});
