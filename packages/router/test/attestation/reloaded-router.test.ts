import { type AttestationPolicyInput, verifyBundle } from '@sotto/attestation';
import { expect, onTestFinished, test } from 'vitest';
import type { RouterConfigInput } from '../../src/config/schema.ts';
import { chatInput, open, outerRequest, recipientOf, seal } from '../gateways/ohttp/sealing-client.ts';
import { testRouter, upstreamsAt } from '../running-router.ts';
import { startStandIn } from '../stand-in-upstream.ts';

const ORIGIN = 'https://router.example';
const SOFTWARE: AttestationPolicyInput = { dangerouslyAllowSoftware: true };

/** A router that attests, and reloads to other keys of the configuration. */
async function reloadingRouter(first: Partial<RouterConfigInput> = {}) {
  const [verified, other] = await Promise.all([startStandIn(), startStandIn()]);
  onTestFinished(async () => void (await Promise.all([verified.close(), other.close()])));
  const configAt = (baseUrl: string, more: Partial<RouterConfigInput> = {}) => ({
    listen: '127.0.0.1:0',
    auth: 'open' as const,
    shutdownGraceSeconds: 1,
    publicUrl: ORIGIN,
    protocols: ['ohttp' as const, 'ehbp' as const],
    upstreams: upstreamsAt(baseUrl),
    attestation: { attester: 'software' as const, allowInsecure: true },
    ...more,
  });
  const router = await testRouter(configAt(verified.baseUrl, first));
  const bundle = async () => {
    const answer = await router.fetch(new Request('http://router.test/pki/attestation'));
    return verifyBundle(await answer.text(), SOFTWARE, { expectedOrigin: ORIGIN });
  };
  return { router, bundle, verified, other, configAt };
}

test('what was sealed on the word of one policy of upstreams never reaches another', async () => {
  const { router, bundle, other, configAt } = await reloadingRouter();
  const before = await bundle();
  const recipient = await recipientOf((request) => router.fetch(request));
  const sealed = await seal(recipient, chatInput());
  const prepared = await router.prepare(configAt(other.baseUrl));
  expect(prepared.replacesKeys).toBe(true);
  prepared.commit();
  const refused = await router.fetch(outerRequest(sealed.body));
  expect(refused.status).toBe(422);
  expect(other.seen).toEqual([]);
  const after = await bundle();
  expect(after.kid).not.toBe(before.kid);
  expect(after.epoch).toBeGreaterThan(before.epoch);
  expect(after.upstreamPolicySha256).not.toBe(before.upstreamPolicySha256);
  // Whoever has verified the new evidence is answered.
  const anew = await seal(await recipientOf((request) => router.fetch(request)), chatInput());
  expect((await open(anew, await router.fetch(outerRequest(anew.body)))).status).toBe(200);
});

/** A request whose head is there and whose body comes later. */
function heldBack(headers: Record<string, string>, path: string) {
  let send = (_body: Uint8Array): void => {};
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      send = (bytes) => {
        controller.enqueue(bytes);
        controller.close();
      };
    },
  });
  const streamed = { method: 'POST', headers, body, duplex: 'half' } as RequestInit;
  const request = new Request(`http://router.test${path}`, streamed);
  return { request, send: (bytes: Uint8Array) => send(bytes) };
}

test('what is sealed on the word of the new policy never reaches the old one, by whatever request it comes', async () => {
  const { router, verified, other, configAt } = await reloadingRouter();
  // Somebody on the way begins a request, and gives it the body of another later.
  const { headers, url } = outerRequest((await seal(await recipientOf(router.fetch), chatInput())).body);
  const held = heldBack(Object.fromEntries(headers), new URL(url).pathname);
  const answer = router.fetch(held.request);
  // Two reloads: it began under the configuration before the last.
  (await router.prepare(configAt(verified.baseUrl, { limits: { openStreams: 5 } }))).commit();
  (await router.prepare(configAt(other.baseUrl))).commit();
  held.send((await seal(await recipientOf(router.fetch), chatInput())).body);
  expect((await answer).status).toBe(422);
  expect([verified.seen, other.seen]).toEqual([[], []]);
});

test('a reload that leaves the policy of upstreams as it was leaves the keys as they were', async () => {
  const { router, bundle, verified, configAt } = await reloadingRouter();
  const before = await bundle();
  const sealed = await seal(await recipientOf((request) => router.fetch(request)), chatInput());
  const prepared = await router.prepare(configAt(verified.baseUrl, { limits: { openStreams: 5 } }));
  expect([prepared.changed, prepared.replacesKeys]).toEqual([['limits.openStreams'], false]);
  prepared.commit();
  expect((await open(sealed, await router.fetch(outerRequest(sealed.body)))).status).toBe(200);
  expect((await bundle()).kid).toBe(before.kid);
});

test('what was prepared and let go of changes no key', async () => {
  const { router, bundle, other, configAt } = await reloadingRouter();
  const before = await bundle();
  await (await router.prepare(configAt(other.baseUrl))).discard();
  expect((await bundle()).kid).toBe(before.kid);
});

test('where an RSA key is attested too, another policy of upstreams needs a restart', async () => {
  const protocols = { protocols: ['ohttp' as const, 'nomyo-v1' as const] };
  const { router, other, verified, configAt } = await reloadingRouter(protocols);
  await expect(router.prepare(configAt(other.baseUrl, protocols))).rejects.toMatchObject({
    code: 'invalid_config',
    faults: [{ key: 'upstreams' }],
  });
  const elsewise = await router.prepare(configAt(verified.baseUrl, { ...protocols, aliases: { a: ['m'] } }));
  expect(elsewise.changed).toEqual(['aliases.a']);
});
