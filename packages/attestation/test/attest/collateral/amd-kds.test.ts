import { afterEach, describe, expect, it } from 'vitest';
import { amdKds } from '../../../src/attest/collateral/amd-kds.ts';
import { startCollateralServer } from '../../../src/testing/node/collateral-server.ts';
import { kdsAnswers } from '../../../src/testing/node/vendor-answers.ts';
import { createSyntheticPlatforms } from '../../../src/testing/synthetic-router.ts';
import { codeOf } from '../../expect-failure.ts';
import { attesterFailure, messageOf } from '../expect-attester-failure.ts';
import { NEVER, NOW, syntheticWorld } from '../synthetic-world.ts';
import { startServices, startVendorServices } from './vendor-services.ts';

const world = await syntheticWorld();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
async function start() {
  const services = await startVendorServices(world);
  closers.push(services.server.close);
  return { ...services, kds: amdKds(services.options) };
}

describe('amdKds', () => {
  it('asks for the key of a chip and a TCB version, for its chain and for the revocation list', async () => {
    const { kds, server } = await start();
    const { chipId, tcb, ask, asvk, ark, crl } = world.sevSnp;
    await expect(kds.vcek('Genoa', chipId, tcb, NEVER)).resolves.toBeInstanceOf(Uint8Array);
    expect(server.asked).toEqual([`/vcek/v1/Genoa/${'c1'.repeat(64)}?blSPL=10&teeSPL=00&snpSPL=23&ucodeSPL=84`]);
    expect(await kds.chain('Genoa', 'vcek', NEVER)).toEqual({ ask: ask.certificate, ark: ark.certificate });
    expect(await kds.chain('Genoa', 'vlek', NEVER)).toEqual({ ask: asvk.certificate, ark: ark.certificate });
    expect(await kds.crl('Genoa', NEVER)).toEqual(crl);
  });

  it('names a chip of Turin by 8 bytes, and its FMC', async () => {
    const turin = await createSyntheticPlatforms(NOW, 'Turin');
    const services = await startServices(await kdsAnswers(turin.sevSnp));
    closers.push(services.server.close);
    const { chipId, tcb } = turin.sevSnp;
    await amdKds(services.options).vcek('Turin', chipId, tcb, NEVER);
    expect(services.server.asked).toEqual([
      `/vcek/v1/Turin/${'c1'.repeat(8)}?fmcSPL=01&blSPL=01&teeSPL=00&snpSPL=02&ucodeSPL=71`,
    ]);
  });

  it('goes through a cache below a path', async () => {
    const { server, options } = await start();
    server.answers.set('/amd/vcek/v1/Genoa/crl', { body: world.sevSnp.crl, contentType: 'application/pkix-crl' });
    const kds = amdKds({ ...options, amdKdsUrl: `${server.url}/amd/` });
    expect(await kds.crl('Genoa', NEVER)).toEqual(world.sevSnp.crl);
  });

  it.each([
    ['http://kds.example', 'https://'],
    ['kds.example', ''],
    ['ftp://127.0.0.1', ''],
    ['https://kds.example/?product=Genoa', ''],
    ['https://name:word@kds.example', ''],
  ])('refuses the address %s', async (amdKdsUrl) => {
    expect(await codeOf(() => amdKds({ amdKdsUrl }))).toBe('ConfigurationError invalid_config');
  });

  it.each(['https://kds.example', 'http://localhost:9', 'http://[::1]:9', 'http://127.0.0.1:9'])(
    'takes the address %s',
    (amdKdsUrl) => {
      expect(() => amdKds({ amdKdsUrl })).not.toThrow();
    },
  );

  it('fails where the chip is not known, without asking again', async () => {
    const { kds, server, clock } = await start();
    const failure = await attesterFailure(kds.vcek('Genoa', new Uint8Array(64), world.sevSnp.tcb, NEVER));
    expect(failure).toMatchObject({
      code: 'fetch_failed',
      retryable: true,
      message: messageOf(/status 404/),
    });
    expect(server.asked).toHaveLength(1);
    expect(clock.pauses).toEqual([]);
  });

  it('names the service that failed, and not the chip', async () => {
    const { kds } = await start();
    const { message } = await attesterFailure(kds.vcek('Genoa', new Uint8Array(64), world.sevSnp.tcb, NEVER));
    expect(message).toContain('127.0.0.1');
    expect(message).not.toContain('00000000');
  });

  it.each([
    ['a certificate', 'vcek'],
    ['a chain', 'chain'],
    ['a revocation list', 'crl'],
  ] as const)('fails where something else comes than %s', async (_, what) => {
    const { kds, server } = await start();
    server.failNext({ type: 'web-page' });
    const { chipId, tcb } = world.sevSnp;
    const asked = {
      vcek: () => kds.vcek('Genoa', chipId, tcb, NEVER),
      chain: () => kds.chain('Genoa', 'vcek', NEVER),
      crl: () => kds.crl('Genoa', NEVER),
    };
    expect(await attesterFailure(asked[what]())).toMatchObject({ code: 'fetch_failed' });
    await expect(asked[what]()).resolves.toBeDefined();
  });

  it('fails where nobody listens, after having tried again', async () => {
    const { url, close } = await startCollateralServer([]);
    await close();
    const { clock, options } = await start();
    const kds = amdKds({ ...options, amdKdsUrl: url, attempts: 3 });
    expect(await attesterFailure(kds.crl('Genoa', NEVER))).toMatchObject({ code: 'fetch_failed' });
    expect(clock.pauses).toHaveLength(2);
  });
});
