import { type AttestationPolicyInput, parseBundle, verifyBundle } from '@sotto/attestation';
import { decodeBase64Url } from '@sotto/protocol';
import { nodeCrypto, nodeEd25519Verify } from '@sotto/protocol/node';
import { verifyReceipt } from '@sotto/protocol/receipt';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { AttestationEvent } from '../../src/attestation/attestation-event.ts';
import { ATTESTATION_PATHS } from '../../src/attestation/routes.ts';
import { ask, chatInput } from '../gateways/ohttp/sealing-client.ts';
import { startRouter, upstreamsAt } from '../running-router.ts';
import { startStandIn } from '../stand-in-upstream.ts';

const ORIGIN = 'https://router.example';
const SOFTWARE: AttestationPolicyInput = { dangerouslyAllowSoftware: true };
const verify = (text: string, nonce?: Uint8Array) => verifyBundle(text, SOFTWARE, { expectedOrigin: ORIGIN, nonce });

async function attestingRouter() {
  const upstream = await startStandIn();
  onTestFinished(() => upstream.close());
  const events: AttestationEvent[] = [];
  const running = await startRouter(
    {
      publicUrl: ORIGIN,
      upstreams: upstreamsAt(upstream.baseUrl),
      attestation: { attester: 'software', allowInsecure: true },
    },
    { onAttestation: (event) => events.push(event) },
  );
  const text = async (path: string): Promise<string> => (await fetch(`${running.url}${path}`)).text();
  return { ...running, events, text };
}

describe('a router that attests', () => {
  test('binds by its evidence the very claims that its identity signs', async () => {
    const { text, events } = await attestingRouter();
    const { claims } = JSON.parse(await text('/pki/keys')) as { claims: string };
    for (const path of ATTESTATION_PATHS) expect(parseBundle(await text(path)).claims).toEqual(decodeBase64Url(claims));
    expect(events.map(({ kind }) => kind)).toEqual(['insecure', 'published']);
  });

  test('answers challenges', async () => {
    const { text } = await attestingRouter();
    const nonce = crypto.getRandomValues(new Uint8Array(32));
    const bundle = await text(`/pki/attestation?nonce=${Buffer.from(nonce).toString('base64url')}`);
    await expect(verify(bundle, nonce)).resolves.toMatchObject({ type: 'software' });
  });

  test('attests its new keys when they rotate', async () => {
    const { router, text } = await attestingRouter();
    const before = await verify(await text('/pki/attestation'));
    await router.rotateKeys();
    const after = await verify(await text('/pki/attestation'));
    expect(after.kid).not.toBe(before.kid);
    const served = await router.fetch(new Request('http://router.test/.well-known/ohttp-gateway'));
    expect(after.keyConfigs).toEqual(new Uint8Array(await served.arrayBuffer()));
  });

  test('signs receipts with the key that its evidence names', async () => {
    const { router, text } = await attestingRouter();
    const { receiptKey, kid } = await verify(await text('/pki/attestation'));
    const input = chatInput({}, [['x-sotto-receipt', '1']]);
    const answer = await ask((request) => router.fetch(request), input);
    const bodies = { request: Buffer.from(input.body ?? ''), answer: Buffer.from(answer.text) };
    const receipt = answer.headers['x-sotto-receipt'] ?? '';
    const key = receiptKey ?? new Uint8Array();
    await expect(verifyReceipt(nodeCrypto, nodeEd25519Verify, receipt, key, bodies)).resolves.toMatchObject({ kid });
  });
});

test('a router that does not attest has nothing at its evidence’s paths', async () => {
  const { url } = await startRouter({ upstreams: upstreamsAt('http://127.0.0.1:9/v1') });
  for (const path of ATTESTATION_PATHS) expect((await fetch(`${url}${path}`)).status).toBe(404);
});

test('a router does not start with an attester and no origin to name', async () => {
  const attestation = { attester: 'software', allowInsecure: true } as const;
  const started = startRouter({ upstreams: upstreamsAt('http://127.0.0.1:9/v1'), attestation });
  await expect(started).rejects.toMatchObject({ name: 'ConfigurationError', code: 'invalid_config' });
});
