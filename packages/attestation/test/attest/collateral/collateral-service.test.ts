import { afterEach, describe, expect, it } from 'vitest';
import { systemCollateralClock } from '../../../src/attest/collateral/collateral-clock.ts';
import type { CollateralOptions } from '../../../src/attest/collateral/collateral-options.ts';
import { collateralService } from '../../../src/attest/collateral/collateral-service.ts';
import type { CollateralFault } from '../../../src/testing/node/collateral-server.ts';
import { attesterFailure } from '../expect-attester-failure.ts';
import { abandoned, NEVER } from '../synthetic-world.ts';
import { startServices } from './vendor-services.ts';

const HOUR_MS = 3_600_000;
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(options: CollateralOptions = {}) {
  const paths = ['/a', '/b', '/c'];
  const services = await startServices(paths.map((path) => [path, { body: path, contentType: 'text/plain' }]));
  closers.push(services.server.close);
  const { clock } = services;
  const service = collateralService<string>({ ...services.options, ...options });
  const get = (path: string, signal = NEVER) =>
    service.get(
      new URL(path, services.server.url),
      1_000,
      ({ body }) => ({ value: new TextDecoder().decode(body), validUntil: clock.now() + 48 * HOUR_MS }),
      signal,
    );
  return { ...services, service, get };
}

describe('collateralService', () => {
  it('asks once for what holds, and anew when a refresh is due', async () => {
    const { get, server, clock } = await start();
    await get('/a');
    clock.advance(24 * HOUR_MS - 1);
    expect(await get('/a')).toBe('/a');
    expect(server.asked).toEqual(['/a']);
    clock.advance(1);
    await get('/a');
    expect(server.asked).toEqual(['/a', '/a']);
  });

  it('gives what still holds where a refresh fails, and nothing that no longer holds', async () => {
    const { get, server, clock } = await start();
    await get('/a');
    server.answers.clear();
    clock.advance(47 * HOUR_MS);
    expect(await get('/a')).toBe('/a');
    clock.advance(HOUR_MS);
    expect(await attesterFailure(get('/a'))).toMatchObject({ code: 'fetch_failed' });
  });

  it('asks once for many callers at a time', async () => {
    const { get, server } = await start();
    expect(await Promise.all(Array.from({ length: 8 }, () => get('/a')))).toEqual(Array(8).fill('/a'));
    expect(server.asked).toEqual(['/a']);
  });

  it('keeps no more than it may: what was not asked for the longest goes', async () => {
    const { get, server } = await start({ cacheEntries: 2 });
    for (const path of ['/a', '/b', '/a', '/c', '/a', '/b']) await get(path);
    expect(server.asked).toEqual(['/a', '/b', '/c', '/b']);
  });

  it('keeps nothing that is over already, and forgets when told', async () => {
    const { server, service, get } = await start();
    const over = () => service.get(new URL('/b', server.url), 1_000, () => ({ value: 'over', validUntil: 0 }), NEVER);
    await over();
    await over();
    await get('/a');
    service.forget();
    await get('/a');
    expect(server.asked).toEqual(['/b', '/b', '/a', '/a']);
  });

  it('waits as long as it is told to by a service that is asked too often', async () => {
    const { get, server, clock } = await start();
    server.failNext({ type: 'status', status: 429, retryAfter: '7' }, { type: 'status', status: 429 });
    expect(await get('/a')).toBe('/a');
    expect(server.asked).toHaveLength(3);
    const [first = 0, second = 0] = clock.pauses;
    expect(first).toBe(7_000);
    expect(second).toBeGreaterThanOrEqual(500);
    expect(second).toBeLessThanOrEqual(1_000);
  });

  it('does not wait for longer than anybody has patience for', async () => {
    const { get, server, clock } = await start();
    server.failNext({ type: 'status', status: 429, retryAfter: '31' });
    expect(await attesterFailure(get('/a'))).toMatchObject({ code: 'fetch_failed', retryable: true });
    expect(clock.pauses).toEqual([]);
  });

  it.each([
    ['an answer that breaks off', { type: 'truncate' }],
    ['an error of the service', { type: 'status', status: 503 }],
  ] satisfies [string, CollateralFault][])('asks again after %s', async (_, fault) => {
    const { get, server } = await start();
    server.failNext(fault);
    expect(await get('/a')).toBe('/a');
    expect(server.asked).toHaveLength(2);
  });

  it.each([
    ['there is nothing', { type: 'status', status: 404 }],
    ['the answer is longer than any', { type: 'oversized' }],
  ] satisfies [string, CollateralFault][])('does not ask again where %s', async (_, fault) => {
    const { get, server } = await start();
    server.failNext(fault);
    expect(await attesterFailure(get('/a'))).toMatchObject({ code: 'fetch_failed' });
    expect(server.asked).toHaveLength(1);
  });

  it('follows no redirection', async () => {
    const { get, server } = await start({ attempts: 1 });
    server.failNext({ type: 'redirect' });
    expect(await attesterFailure(get('/a'))).toMatchObject({ code: 'fetch_failed' });
    expect(server.asked).toEqual(['/a']);
  });

  it('gives up after so many attempts', async () => {
    const { get, server, clock } = await start({ attempts: 3 });
    const fault: CollateralFault = { type: 'status', status: 500 };
    server.failNext(fault, fault, fault, fault);
    expect(await attesterFailure(get('/a'))).toMatchObject({ code: 'fetch_failed' });
    expect(server.asked).toHaveLength(3);
    expect(clock.pauses).toHaveLength(2);
  });

  it('asks again where no answer comes in time', async () => {
    const { get, server } = await start({ timeoutMs: 400 });
    server.failNext({ type: 'hang' });
    expect(await get('/a')).toBe('/a');
    expect(server.asked).toHaveLength(2);
  });

  it('lets one caller give up, and answers the other', async () => {
    const { get, server } = await start({ timeoutMs: 400 });
    await expect(get('/a', abandoned())).rejects.toMatchObject({ code: 'request_aborted' });
    server.failNext({ type: 'hang' });
    const caller = new AbortController();
    const [impatient, patient] = [get('/a', caller.signal), get('/a')];
    caller.abort();
    await expect(impatient).rejects.toMatchObject({ code: 'request_aborted' });
    expect(await patient).toBe('/a');
  });
});

describe('systemCollateralClock', () => {
  it('waits, unless its caller gives up', async () => {
    await expect(systemCollateralClock.delay(1, NEVER)).resolves.toBeUndefined();
    await expect(systemCollateralClock.delay(60_000, abandoned())).rejects.toMatchObject({ code: 'request_aborted' });
    const caller = new AbortController();
    const waiting = systemCollateralClock.delay(60_000, caller.signal);
    caller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'request_aborted' });
    expect(Math.abs(systemCollateralClock.now() - Date.now())).toBeLessThan(1_000);
  });
});
