import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SYNTHETIC_PCRS } from '@sotto/attestation/testing';
import { createSecureFetch } from '@sotto/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scratchFolder } from '../scratch-folder.ts';
import { API_KEY } from '../sealed-router.ts';
import { type Outcome, runNode, runSotto } from '../sotto.ts';
import { type AttestedRouter, startAttestedRouter } from './attested-router.ts';
import { builtProgram, removeBuiltPrograms } from './built-program.ts';
import { startProgramGuest } from './guests.ts';
import { type SyntheticWorld, startSyntheticWorld } from './synthetic-world.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/receipt.mjs', import.meta.url));
const [PCR0 = new Uint8Array()] = SYNTHETIC_PCRS;
const folder = scratchFolder();
const at = (name: string): string => join(folder, name);
const POLICY = { platforms: [{ type: 'aws-nitro' as const, pcrs: { 0: [Buffer.from(PCR0).toString('hex')] } }] };

let world: SyntheticWorld;
let router: AttestedRouter;
let sottoProgram: string;
let closeGuest: () => Promise<void>;

removeBuiltPrograms();
beforeAll(async () => {
  const [made, program, sotto] = await Promise.all([
    startSyntheticWorld(),
    builtProgram('router-process'),
    builtProgram('sotto-with-roots'),
  ]);
  [world, sottoProgram] = [made, sotto];
  const guest = await startProgramGuest('aws-nitro', (reportData, nonce) =>
    world.platforms.attest('aws-nitro', reportData, nonce),
  );
  closeGuest = guest.close;
  router = await startAttestedRouter({ program, guest, roots: world.platforms.roots, services: {} });
  writeFileSync(at('policy.json'), JSON.stringify(POLICY));
});
afterAll(async () => {
  await router.close();
  await closeGuest();
  await world.close();
});

const verify = (...args: readonly string[]): Promise<Outcome> =>
  runNode([sottoProgram, 'verify', ...args, '--policy', at('policy.json'), '--json'], {
    environment: { SYNTHETIC_ROOTS: JSON.stringify(world.platforms.roots) },
  });

const report = ({ stdout }: Outcome) =>
  JSON.parse(stdout) as { readonly status: string; readonly failures: readonly { readonly step: string }[] };

test('what the example keeps of an answer is verified by the command line, then and after the keys rotated', async () => {
  const environment = { SOTTO_BASE_URL: router.url, SOTTO_API_KEY: API_KEY, SOTTO_MODEL: 'm', RECEIPT_FOLDER: folder };
  const kept = await runNode([EXAMPLE], { environment });
  expect(kept.stdout).toBe('kept the receipt and the evidence that it is verified by\n');

  const bodies = ['--request', at('request.json'), '--answer', at('answer.json')];
  const byBundle = [at('receipt.json'), '--bundle', at('bundle.json'), '--origin', router.url];
  const verified = await verify(...byBundle, ...bodies);
  expect(verified.code).toBe(0);
  expect(JSON.parse(verified.stdout)).toMatchObject({
    status: 'affirming',
    receipt: { model: 'm', tier: 'standard', upstreamClass: 'same-tee' },
  });
  await router.rotate();
  expect((await verify(at('receipt.json'), '--router', router.url, ...bodies)).code).toBe(0);

  // One byte of the answer: nobody would see it.
  writeFileSync(at('changed.json'), readFileSync(at('answer.json'), 'utf8').replace('echo', 'Echo'));
  const changed = await verify(...byBundle, '--answer', at('changed.json'));
  expect([changed.code, report(changed).failures.map(({ step }) => step)]).toEqual([1, ['answer']]);

  // Nobody who trusts the vendors takes the word of a synthetic enclave.
  const real = await runSotto(['verify', ...byBundle, '--policy', at('policy.json'), '--json']);
  expect([real.code, JSON.parse(real.stdout)]).toMatchObject([1, { failures: [{ code: 'chain_untrusted' }] }]);
});

test('a streamed answer is kept as it came, and carries its receipt', async () => {
  const attestation = { ...POLICY, roots: world.platforms.roots };
  const secureFetch = createSecureFetch({ routerUrl: router.url, allowHttp: true, tier: 'maximum', attestation });
  const body = JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'one two three' }] });
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${API_KEY}`, 'x-sotto-receipt': '1' };
  const answer = await secureFetch(`${router.url}/v1/chat/completions`, { method: 'POST', headers, body });
  writeFileSync(at('answer.txt'), await answer.text());
  writeFileSync(at('streamed.json'), body);
  const { code, stdout } = await verify(
    at('answer.txt'),
    ...['--router', router.url, '--request', at('streamed.json'), '--tier', 'maximum'],
  );
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ receipt: { tier: 'maximum' }, failures: [] });
});

test('a router that was started anew knows its receipts no more: only the evidence that was kept does', async () => {
  await router.restart();
  const later = await verify(at('receipt.json'), '--router', router.url);
  expect([later.code, report(later).failures.map(({ step }) => step)]).toEqual([1, ['receipt']]);
  expect((await verify(at('receipt.json'), '--bundle', at('bundle.json'), '--origin', router.url)).code).toBe(0);
});
