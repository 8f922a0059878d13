import type { AttestationPolicyInput, UnendorsedEvidence } from '@sotto/attestation';
import { SYNTHETIC_SNP_MEASUREMENT } from '@sotto/attestation/testing';
import { createSecureFetch, type SecureFetch, type SecureFetchOptions, systemClock } from '@sotto/client';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { API_KEY } from '../sealed-router.ts';
import { type AttestedRouter, startAttestedRouter } from './attested-router.ts';
import { builtProgram, removeBuiltPrograms } from './built-program.ts';
import { type Guest, startProgramGuest } from './guests.ts';
import { type SyntheticWorld, startSyntheticWorld } from './synthetic-world.ts';

const NEXT_MEASUREMENT = SYNTHETIC_SNP_MEASUREMENT.map((byte) => byte ^ 0xff);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const POLICY: AttestationPolicyInput = {
  platforms: [{ type: 'sev-snp', measurements: [hex(SYNTHETIC_SNP_MEASUREMENT), hex(NEXT_MEASUREMENT)] }],
};
const SOFTWARE = { commit: 'ab'.repeat(20), imageDigest: `sha256:${'cd'.repeat(32)}` };

let world: SyntheticWorld;
let program: string;
let measurement: Uint8Array;
const closers: (() => Promise<void>)[] = [];

removeBuiltPrograms();
beforeAll(async () => {
  [world, program] = await Promise.all([startSyntheticWorld(), builtProgram('router-process')]);
});
afterAll(() => world.close());
beforeEach(() => {
  measurement = SYNTHETIC_SNP_MEASUREMENT;
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A report as an old firmware makes it: it does not say which processor it is of, and comes without a certificate. */
async function oldReport(reportData: Uint8Array): Promise<UnendorsedEvidence> {
  const { report } = await world.platforms.sevSnp.attest(reportData, { version: 2, measurement });
  return { type: 'sev-snp', report };
}

/** A router on such a machine, all of which its configuration says. */
async function start(collateral: NonNullable<Guest['attestation']['collateral']> = {}): Promise<AttestedRouter> {
  const kds = { kdsUrl: world.server.url, sevProduct: 'Genoa', ...collateral } as const;
  const guest = await startProgramGuest('sev-snp', oldReport, kds);
  closers.push(guest.close);
  const router = await startAttestedRouter({
    program,
    guest: { ...guest, attestation: { ...guest.attestation, software: SOFTWARE } },
    roots: world.platforms.roots,
    services: {},
  });
  closers.push(router.close);
  return router;
}

function client(
  router: AttestedRouter,
  members: SecureFetchOptions['attestation'] = {},
  options: Partial<SecureFetchOptions> = {},
): SecureFetch {
  const attestation = { ...POLICY, roots: world.platforms.roots, ...members };
  return createSecureFetch({ routerUrl: router.url, allowHttp: true, tier: 'high', ...options, attestation });
}

function ask(secureFetch: SecureFetch, router: AttestedRouter): Promise<Response> {
  return secureFetch(`${router.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${API_KEY}` },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hello' }] }),
  });
}

test('the claims name the commit and the image that the configuration names', async () => {
  const router = await start();
  expect(await client(router).ready()).toMatchObject({ status: 'affirming', software: SOFTWARE });
});

test('a report that does not say of which processor it is needs the configuration to say so', async () => {
  const router = await start({ sevProduct: undefined });
  await expect(client(router).ready()).rejects.toMatchObject({ code: 'fetch_failed' });
  expect(router.events).toContainEqual(expect.objectContaining({ kind: 'failed', code: 'invalid_config' }));
});

test("without AMD's revocation list, which can be left out, a router serves tier high and not the highest", async () => {
  const asked = world.server.asked.length;
  const router = await start({ skipAmdCrl: true });
  expect((await ask(client(router), router)).status).toBe(200);
  expect(world.server.asked.slice(asked).filter((path) => path.endsWith('/crl'))).toEqual([]);
  await expect(ask(client(router, {}, { tier: 'maximum' }), router)).rejects.toMatchObject({ code: 'crl_missing' });
});

test.each([
  ['refuses', false, 'measurement_change_refused'],
  ['accepts', true, null],
] as const)('an app that %s another measurement in mid-life is heard', async (_, accepts, code) => {
  const router = await start();
  const changes: string[][] = [];
  const secureFetch = client(router, {
    onMeasurementChange: (before, after) => {
      changes.push([before, after].map(({ measurements }) => String(measurements['measurement'])));
      return accepts;
    },
  });
  expect((await ask(secureFetch, router)).status).toBe(200);
  // A release: another measurement, and as it is another boot, other keys; the old ones are gone.
  measurement = NEXT_MEASUREMENT;
  await router.restart();
  const before = router.middle.seen.length;
  const answer = ask(secureFetch, router);
  if (code === null) expect((await answer).status).toBe(200);
  else await expect(answer).rejects.toMatchObject({ code });
  expect(changes).toEqual([[hex(SYNTHETIC_SNP_MEASUREMENT), hex(NEXT_MEASUREMENT)]]);
  // One under the old key, which the router could not open; and one more only with the app's word.
  expect(router.middle.seen.length - before).toBe(accepts ? 2 : 1);
  if (!accepts) expect(router.upstream.seen).toHaveLength(1);
});

test('evidence that has ended is asked for anew, and what is old by then is not taken', async () => {
  const router = await start();
  let aheadMs = 0;
  const clock = { ...systemClock, now: () => Date.now() + aheadMs };
  const evidenceAsked = (): number => router.middle.asked.filter((path) => path.startsWith('/pki/attestation')).length;
  const maximum = client(router, {}, { tier: 'maximum', runtime: { clock } });
  await ask(maximum, router);
  await ask(maximum, router);
  expect(evidenceAsked()).toBe(1);
  aheadMs = 5 * 60_000;
  await ask(maximum, router);
  expect(evidenceAsked()).toBe(2);
  expect(new Set(router.middle.asked.filter((path) => path.includes('nonce='))).size).toBe(2);
  // Further than its keys live.
  aheadMs = 26 * 3_600_000;
  const before = router.middle.seen.length;
  await expect(ask(client(router, {}, { runtime: { clock } }), router)).rejects.toMatchObject({
    code: 'claims_expired',
  });
  await expect(ask(maximum, router)).rejects.toMatchObject({ code: 'claims_expired' });
  expect(router.middle.seen.length).toBe(before);
});
