import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AttestationPolicyInput, EvidenceType } from '@sotto/attestation';
import { whyNoFuse } from '@sotto/attestation/testing/node';
import { SecureChatCompletion } from '@sotto/client';
import { SECURITY_TIERS, type SecurityTier } from '@sotto/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scratchFolder } from '../scratch-folder.ts';
import { API_KEY } from '../sealed-router.ts';
import { type Outcome, runNode, runSotto } from '../sotto.ts';
import { type AttestedRouter, startAttestedRouter } from './attested-router.ts';
import { builtProgram, removeBuiltPrograms } from './built-program.ts';
import { type Guest, startDstackGuest, startProgramGuest, startSevSnpGuest, startTdxGuest } from './guests.ts';
import { type SyntheticWorld, startSyntheticWorld } from './synthetic-world.ts';

const SECRET = 'a canary that sings in the enclave alone';
const folder = scratchFolder();
let world: SyntheticWorld;
let routerProgram: string;
let sottoProgram: string;

removeBuiltPrograms();
beforeAll(async () => {
  [world, routerProgram, sottoProgram] = await Promise.all([
    startSyntheticWorld(),
    builtProgram('router-process'),
    builtProgram('sotto-with-roots'),
  ]);
});
afterAll(() => world.close());

/** Each platform, and how its evidence reaches the router's process. */
const PLATFORMS: readonly (readonly [
  type: EvidenceType,
  by: string,
  needsFuse: boolean,
  start: () => Promise<Guest>,
])[] = [
  ['sev-snp', "the kernel's report folder", true, () => startSevSnpGuest(world.platforms)],
  ['tdx', "the kernel's report folder", true, () => startTdxGuest(world.platforms)],
  ['dstack-tdx', 'its guest agent', false, () => startDstackGuest(world.platforms)],
  [
    'aws-nitro',
    'a program that the configuration names',
    false,
    () => startProgramGuest('aws-nitro', (reportData, nonce) => world.platforms.attest('aws-nitro', reportData, nonce)),
  ],
];

const obstacle = await whyNoFuse();

describe.each(PLATFORMS)('a router process that attests %s by %s', (type, _by, needsFuse, start) => {
  if (needsFuse && obstacle !== null) {
    test(`(no FUSE: skipped)`, () => {
      process.stdout.write(`skipped: ${type} by a mounted report folder, as ${obstacle}\n`);
    });
    return;
  }

  let guest: Guest;
  let router: AttestedRouter;
  let policy: AttestationPolicyInput;

  beforeAll(async () => {
    guest = await start();
    const { platforms, services } = world;
    router = await startAttestedRouter({ program: routerProgram, guest, roots: platforms.roots, services });
  });
  afterAll(async () => {
    await router.close();
    await guest.close();
  });

  /** `sotto verify` in a process of its own, which trusts the synthetic vendors. */
  const verify = (...args: readonly string[]): Promise<Outcome> =>
    runNode([sottoProgram, 'verify', '--router', router.url, ...args], {
      environment: { SYNTHETIC_ROOTS: JSON.stringify(world.platforms.roots) },
    });

  const client = (tier: SecurityTier, members: object = {}): SecureChatCompletion =>
    new SecureChatCompletion({
      baseURL: router.url,
      allowHttp: true,
      apiKey: API_KEY,
      tier,
      attestation: { ...policy, roots: world.platforms.roots, ...members },
    });

  const ask = (chat: SecureChatCompletion) =>
    chat.create({ model: 'm', messages: [{ role: 'user', content: SECRET }] });

  test('is accepted by the policy that is printed of it, at the highest tier, and not by that of other software', async () => {
    const printed = await verify('--print-policy');
    expect(printed.code).toBe(0);
    policy = JSON.parse(printed.stdout) as AttestationPolicyInput;
    const path = join(folder, `${type}.json`);
    writeFileSync(path, printed.stdout);
    // The strictest: the others ask for less of the same evidence.
    const { code, stdout } = await verify('--policy', path, '--tier', 'maximum');
    expect([code, stdout]).toEqual([0, expect.stringContaining('VERIFIED: ')]);
    // Each measurement but for its first digit.
    writeFileSync(
      path,
      printed.stdout.replaceAll(/"[0-9a-f](?=[0-9a-f]{95}")/g, (start) => (start === '"0' ? '"1' : '"0')),
    );
    const other = await verify('--policy', path, '--json');
    expect(other.code).toBe(1);
    const { status, failures } = JSON.parse(other.stdout) as {
      readonly status: string;
      readonly failures: readonly { readonly code: string }[];
    };
    expect(status).toBe('contraindicated');
    expect(failures.map(({ code }) => code)).toContain('measurement_not_allowed');
  });

  test('tells its operator what it measured, and nobody who trusts the vendors is fooled by a synthetic one', async () => {
    expect(router.events).toContainEqual(expect.objectContaining({ kind: 'published', type, objections: [] }));
    const { code, stdout } = await runSotto(['verify', '--router', router.url, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ failures: [{ code: 'chain_untrusted' }] });
  });

  test.each(SECURITY_TIERS)('answers a client of tier %s, and whoever carries the bytes reads none', async (tier) => {
    const before = router.middle.seen.length;
    const chat = client(tier);
    const answer = await ask(chat);
    expect(answer.choices[0]?.message.content).toBe(`echo: ${SECRET}`);
    expect(answer._metadata).toMatchObject({ key_trust: 'attested', security_tier: tier });
    expect(chat.attestation).toMatchObject({ status: 'affirming', type, tier, answersNonce: tier === 'maximum' });
    expect(router.upstream.seen.at(-1)?.bodyText).toContain(SECRET);
    const passed = router.middle.seen.slice(before);
    expect(passed).toHaveLength(1);
    for (const { body } of passed) expect(body.includes(SECRET)).toBe(false);
  });

  test('attests its new keys when they rotate: a client that knows the old ones goes on', async () => {
    const chat = client('high');
    await ask(chat);
    const before = chat.attestation;
    await router.rotate();
    await chat.create({ model: 'm', messages: [{ role: 'user', content: 'after the rotation' }] });
    // The old keys are opened for their overlap; a client of now sees only the new.
    const fresh = client('high');
    await ask(fresh);
    if (before.status !== 'affirming' || fresh.attestation.status !== 'affirming') throw new Error('not verified');
    expect(fresh.attestation.epoch).toBeGreaterThan(before.epoch);
    expect(fresh.attestation.kid).not.toBe(before.kid);
  });
});
