import { afterEach, describe, expect, it } from 'vitest';
import { type IntelPcs, intelPcs } from '../../../src/attest/collateral/intel-pcs.ts';
import type { CollateralAnswer } from '../../../src/testing/node/collateral-server.ts';
import { INTEL_ROOT_CRL_PATH } from '../../../src/testing/node/vendor-answers.ts';
import { codeOf } from '../../expect-failure.ts';
import { attesterFailure } from '../expect-attester-failure.ts';
import { NEVER, syntheticWorld } from '../synthetic-world.ts';
import { startVendorServices } from './vendor-services.ts';

const world = await syntheticWorld();
const FMSPC = '50806f000000';
const TCB_PATH = '/tdx/certification/v4/tcb?fmspc=50806F000000';
const CHAIN_HEADER = 'TCB-Info-Issuer-Chain';
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
async function start() {
  const services = await startVendorServices(world);
  closers.push(services.server.close);
  return { ...services, pcs: intelPcs(services.options) };
}

const QUESTIONS = {
  'TCB info': (pcs: IntelPcs) => pcs.tcbInfo(FMSPC, NEVER),
  'QE identity': (pcs: IntelPcs) => pcs.qeIdentity(NEVER),
  'PCK revocation list': (pcs: IntelPcs) => pcs.pckCrl('platform', NEVER),
  'root revocation list': (pcs: IntelPcs) => pcs.rootCaCrl(NEVER),
} as const;

describe('intelPcs', () => {
  it('asks for TCB info of a platform, the identity of the quoting enclave, and both revocation lists', async () => {
    const { pcs, server } = await start();
    const { collateral } = await world.tdx.attest(new Uint8Array(64));
    const info = await pcs.tcbInfo(FMSPC, NEVER);
    expect(info.text).toBe(collateral.tcbInfo);
    expect(info.issuerChain).toBe(collateral.tcbInfoIssuerChain);
    expect((await pcs.qeIdentity(NEVER)).text).toBe(collateral.qeIdentity);
    const { issuerChain } = await pcs.pckCrl('platform', NEVER);
    expect(issuerChain).toBe(collateral.pckCrlIssuerChain);
    await pcs.rootCaCrl(NEVER);
    expect(server.asked).toEqual([
      TCB_PATH,
      '/tdx/certification/v4/qe/identity',
      '/sgx/certification/v4/pckcrl?ca=platform&encoding=der',
      INTEL_ROOT_CRL_PATH,
    ]);
  });

  it('writes issuer chains in one spelling, whatever lines they come in', async () => {
    const { pcs, server } = await start();
    const { collateral } = await world.tdx.attest(new Uint8Array(64));
    const oneLine = collateral.tcbInfoIssuerChain
      .replace(/(?<=[A-Za-z0-9+/=])\n(?=[A-Za-z0-9+/=])/g, '')
      .replaceAll('\n', '\r\n')
      .trimEnd();
    replace(server.answers, { headers: { [CHAIN_HEADER]: encodeURIComponent(oneLine) } });
    expect((await pcs.tcbInfo(FMSPC, NEVER)).issuerChain).toBe(collateral.tcbInfoIssuerChain);
  });

  it.each(Object.entries(QUESTIONS))('fails where something else comes than %s', async (_, ask) => {
    const { pcs, server } = await start();
    server.failNext({ type: 'web-page' });
    expect(await attesterFailure(ask(pcs))).toMatchObject({ code: 'fetch_failed' });
    await expect(ask(pcs)).resolves.toBeDefined();
  });

  it.each([
    ['no issuer chain', { headers: {} }],
    ['an issuer chain of one certificate', { headers: { [CHAIN_HEADER]: 'x' } }],
    ['an issuer chain that is not URL-encoded', { headers: { [CHAIN_HEADER]: '%E0%A4%A' } }],
    ['an issuer chain without end', { headers: { [CHAIN_HEADER]: 'x'.repeat(12_000) } }],
    ['no signature', { body: '{"tcbInfo":{"nextUpdate":"2026-04-01T00:00:00Z"}}' }],
    ['a signature of another length', { body: '{"tcbInfo":{"nextUpdate":"2026-04-01T00:00:00Z"},"signature":"00"}' }],
    ['no document', { body: `{"signature":"${'0'.repeat(128)}"}` }],
    ['a document without a date', { body: `{"tcbInfo":{},"signature":"${'0'.repeat(128)}"}` }],
  ] satisfies [string, Partial<CollateralAnswer>][])('fails where TCB info comes with %s', async (_, changes) => {
    const { pcs, server } = await start();
    replace(server.answers, changes);
    expect(await attesterFailure(pcs.tcbInfo(FMSPC, NEVER))).toMatchObject({ code: 'fetch_failed' });
  });

  it('asks anew when the next update of a document is due', async () => {
    const { pcs, server, clock } = await start();
    await pcs.tcbInfo(FMSPC, NEVER);
    clock.advance(30 * 86_400_000);
    await pcs.tcbInfo(FMSPC, NEVER);
    expect(server.asked).toEqual([TCB_PATH, TCB_PATH]);
  });

  it('forgets when told', async () => {
    const { pcs, server } = await start();
    await pcs.rootCaCrl(NEVER);
    pcs.forget();
    await pcs.rootCaCrl(NEVER);
    expect(server.asked).toHaveLength(2);
  });

  it.each([{ intelPcsUrl: 'http://pcs.example' }, { intelRootCrlUrl: 'http://pcs.example/root.der' }])(
    'refuses the address %j',
    async (options) => {
      expect(await codeOf(() => intelPcs(options))).toBe('ConfigurationError invalid_config');
    },
  );
});

function replace(answers: Map<string, CollateralAnswer>, changes: Partial<CollateralAnswer>): void {
  const answer = answers.get(TCB_PATH);
  if (answer !== undefined) answers.set(TCB_PATH, { ...answer, ...changes });
}
