import { SYNTHETIC_SNP_MEASUREMENT } from '@sotto/attestation/testing';
import { createSecureFetch } from '@sotto/client';
import { SECURITY_TIERS, type SecurityTier } from '@sotto/protocol';
import { createRouter, type RouterConfigInput } from '@sotto/router';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startStandIn } from '../../packages/router/test/stand-in-upstream.ts';
import { API_KEY } from '../sealed-router.ts';
import { type AttestedRouter, startAttestedRouter } from './attested-router.ts';
import { builtProgram, removeBuiltPrograms } from './built-program.ts';
import { startProgramGuest } from './guests.ts';
import { type SyntheticWorld, startSyntheticWorld } from './synthetic-world.ts';

const SECRET = 'a canary that two enclaves hear, and nobody between them';
const MEASUREMENT = Buffer.from(SYNTHETIC_SNP_MEASUREMENT).toString('hex');
const policyOf = (measurement: string) => ({ platforms: [{ type: 'sev-snp' as const, measurements: [measurement] }] });

let world: SyntheticWorld;
/** The one with the model. */
let inner: AttestedRouter;
/** The one that clients speak to; it knows two ways to the inner one, of which one asks for other software. */
let outer: AttestedRouter;
const closers: (() => Promise<void>)[] = [];

removeBuiltPrograms();
beforeAll(async () => {
  const [made, program] = await Promise.all([startSyntheticWorld(), builtProgram('router-process')]);
  world = made;
  const guest = await startProgramGuest('sev-snp', (reportData) => world.platforms.attest('sev-snp', reportData));
  const start = (config: Partial<RouterConfigInput> = {}) =>
    startAttestedRouter({ program, guest, roots: world.platforms.roots, services: world.services, config });
  inner = await start();
  const upstream = { type: 'sotto', baseUrl: inner.url, apiKeyEnv: 'E2E_INNER_KEY', tier: 'maximum', probe: false };
  outer = await start({
    upstreams: [
      { ...upstream, name: 'enclave', models: ['m'], attestation: policyOf(MEASUREMENT) },
      { ...upstream, name: 'stranger', models: ['strange'], attestation: policyOf('00'.repeat(48)) },
    ] as RouterConfigInput['upstreams'],
  });
  closers.push(world.close, guest.close, inner.close, outer.close);
});
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

function ask(model: string, tier: SecurityTier, router: AttestedRouter = outer): Promise<Response> {
  const attestation = { ...policyOf(MEASUREMENT), roots: world.platforms.roots };
  const secureFetch = createSecureFetch({ routerUrl: router.url, allowHttp: true, tier, attestation });
  return secureFetch(`${router.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${API_KEY}` },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: SECRET }] }),
  });
}

test.each(SECURITY_TIERS)(
  'tier %s goes through two routers that each prove themselves to who seals to them',
  async (tier) => {
    const askedBefore = inner.middle.asked.length;
    const before = [outer, inner].map(({ middle }) => middle.seen.length);
    const answer = await ask('m', tier);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-sotto-tier')).toBe(tier);
    expect(answer.headers.get('x-sotto-upstream-class')).toBe('attested');
    expect(await answer.text()).toContain(`echo: ${SECRET}`);
    for (const [index, { middle }] of [outer, inner].entries()) {
      const passed = middle.seen.slice(before[index]);
      expect(passed).toHaveLength(1);
      for (const { body } of passed) expect(body.includes(SECRET)).toBe(false);
    }
    const asked = inner.middle.asked.slice(askedBefore).filter((path) => path.startsWith('/pki/attestation'));
    expect(asked).toEqual([tier === 'maximum' ? expect.stringContaining('?nonce=') : '/pki/attestation']);
  },
);

test.each(SECURITY_TIERS)(
  'a router that proves other software than its policy lists gets nothing at tier %s',
  async (tier) => {
    const before = inner.middle.seen.length;
    const answer = await ask('strange', tier);
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ error: { code: 'upstream_not_attested' } });
    expect(inner.middle.seen.length).toBe(before);
  },
);

test.each([
  ['openai', {}],
  ['anthropic', {}],
  ['openai', { tlsSpkiSha256: ['ab'.repeat(32)] }],
  ['openai', { sameTee: true }],
] as const)('a plaintext commercial API (%s, %j) cannot be made one of tier maximum', async (type, more) => {
  const upstream = { name: 'api', type, baseUrl: 'https://api.provider.example/v1', models: ['m'], tier: 'maximum' };
  const config = { auth: 'open', upstreams: [{ ...upstream, ...more }] } as unknown as RouterConfigInput;
  await expect(createRouter(config)).rejects.toMatchObject({ code: 'invalid_config' });
});

test('an attested router in front of a commercial API alone refuses tier maximum, and forwards nothing', async () => {
  const provider = await startStandIn(['m']);
  closers.push(provider.close);
  const guest = await startProgramGuest('sev-snp', (reportData) => world.platforms.attest('sev-snp', reportData));
  closers.push(guest.close);
  const router = await startAttestedRouter({
    program: await builtProgram('router-process'),
    guest,
    roots: world.platforms.roots,
    services: world.services,
    config: { upstreams: [{ name: 'api', baseUrl: provider.baseUrl, models: ['m'], tier: 'high', probe: false }] },
  });
  closers.push(router.close);
  expect((await ask('m', 'high', router)).status).toBe(200);
  const answer = await ask('m', 'maximum', router);
  expect(answer.status).toBe(403);
  expect(await answer.json()).toMatchObject({ error: { code: 'tier_not_available' } });
  expect(provider.seen).toHaveLength(1);
});
