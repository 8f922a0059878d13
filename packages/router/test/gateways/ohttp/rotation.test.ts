import { KEM_MLKEM768_X25519, KEM_X25519 } from '@sotto/protocol/hpke';
import { OHTTP_GATEWAY_PATH, OHTTP_KEY_PROBLEM_TYPE, type Recipient } from '@sotto/protocol/ohttp';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { send } from '../../http-client.ts';
import { type RunningRouter, startRouter } from '../../running-router.ts';
import { type StandInUpstream, startStandIn } from '../../stand-in-upstream.ts';
import { openExchange } from './open-exchange.ts';
import { ask, chatInput, chooseRecipient, open, outerRequest, recipientOf, seal } from './sealing-client.ts';

let upstream: StandInUpstream;

beforeAll(async () => {
  upstream = await startStandIn();
});
afterAll(() => upstream.close());
afterEach(() => void vi.useRealTimers());

const start = (): Promise<RunningRouter> =>
  startRouter({
    protocols: ['ohttp'],
    ohttp: { overlapSeconds: 60 },
    upstreams: [{ name: 'u', baseUrl: upstream.baseUrl, models: ['m'] }],
  });

async function keysOf(url: string): Promise<Uint8Array> {
  return new Uint8Array((await send(`${url}${OHTTP_GATEWAY_PATH}`)).body);
}

/** Asks over a connection of its own; the answer must be whole. */
async function askOver(url: string, recipient: Recipient, content: string, stream: boolean): Promise<string> {
  const sealed = await seal(recipient, chatInput({ messages: [{ role: 'user', content }], stream }));
  const { request, over, reader } = openExchange(url, sealed);
  request.end(sealed.body);
  expect(await over).toBe(true);
  const { status, text } = await reader.finish();
  expect(status).toBe(200);
  return text;
}

describe('keys that rotate', () => {
  const REQUESTS = 200;
  const ROTATIONS = 5;
  const CLIENTS = 8;

  test(`${ROTATIONS} times under ${REQUESTS} requests lose none, of clients that fetch them anew and of those that do not`, async () => {
    const { url, router, internalErrors } = await start();
    const first = await keysOf(url);
    const kept = [await chooseRecipient(first, KEM_X25519), await chooseRecipient(first, KEM_MLKEM768_X25519)];
    const keySets = new Set([Buffer.from(first).toString('hex')]);
    let asked = 0;
    let answered = 0;
    const client = async (index: number): Promise<void> => {
      while (asked < REQUESTS) {
        const number = ++asked;
        if (number % Math.floor(REQUESTS / (ROTATIONS + 1)) === 0 && keySets.size <= ROTATIONS) {
          await router.rotateKeys();
          keySets.add(Buffer.from(await keysOf(url)).toString('hex'));
        }
        const fresh = index % 2 === 0;
        const recipient = fresh ? await chooseRecipient(await keysOf(url)) : kept[number % kept.length];
        if (recipient === undefined) throw new Error('there is no key to seal to');
        const text = await askOver(url, recipient, `word${number}`, number % 3 === 0);
        expect(text).toContain(`word${number}`);
        answered++;
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)));
    expect(answered).toBe(REQUESTS);
    expect(keySets.size).toBe(ROTATIONS + 1);
    expect(internalErrors).toEqual([]);
  });

  test('serve an old request until their overlap is over, and then say which key to fetch', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { router } = await start();
    const { fetch } = router;
    const old = await recipientOf(fetch);
    await router.rotateKeys();
    vi.setSystemTime(Date.now() + 59_000);
    expect((await ask(fetch, chatInput(), old)).status).toBe(200);
    vi.setSystemTime(Date.now() + 1_000);
    const sealed = await seal(old, chatInput());
    const refused = await fetch(outerRequest(sealed.body));
    expect(refused.status).toBe(422);
    expect(await refused.json()).toMatchObject({ type: OHTTP_KEY_PROBLEM_TYPE });
    // What the client does about it.
    expect((await ask(fetch, chatInput())).status).toBe(200);
  });

  test('do not disturb an answer that is under way while its key is destroyed', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { router } = await start();
    const sealed = await seal(await recipientOf(router.fetch), chatInput({ stream: true }));
    const answer = router.fetch(outerRequest(sealed.body));
    await router.rotateKeys();
    vi.setSystemTime(Date.now() + 60_000);
    expect((await open(sealed, await answer)).text).toContain('[DONE]');
  });

  test('count down how long they may be kept', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_000 });
    const { router } = await start();
    const age = async (): Promise<string | null> =>
      (await router.fetch(new Request(`http://router.test${OHTTP_GATEWAY_PATH}`))).headers.get('cache-control');
    expect(await age()).toBe('public, max-age=3600');
    vi.setSystemTime(1_800_000_000_000 + 86_400_000 - 1_800_000);
    expect(await age()).toBe('public, max-age=1800');
  });
});
