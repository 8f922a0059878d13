import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chatInput, codeOf, open, outerRequest, recipientOf, seal } from '../gateways/ohttp/sealing-client.ts';
import { send } from '../http-client.ts';
import { sealFor } from '../nomyo-client.ts';
import { chat, startRouter } from '../running-router.ts';
import { type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

let upstream: StandInUpstream;
/** An address where no Redis is. */
let nowhere: string;

beforeAll(async () => {
  upstream = await startStandIn();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  nowhere = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise((resolve) => server.close(resolve));
});
afterAll(() => upstream.close());

async function ask(whenAway: 'local' | 'refuse'): Promise<{ ohttp: unknown; nomyo: unknown; clear: number }> {
  const { router, url } = await startRouter({
    upstreams: [{ name: 'u', baseUrl: upstream.baseUrl, models: ['m'] }],
    redis: nowhere,
    replay: { whenAway },
  });
  const sealed = await seal(await recipientOf(router.fetch), chatInput());
  const inner = await open(sealed, await router.fetch(outerRequest(sealed.body)));
  const { body, headers } = await sealFor(url, chat('x'));
  const answer = await send(`${url}/v1/chat/secure_completion`, { method: 'POST', body, headers });
  const clear = await send(`${url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(chat('x')) });
  return {
    ohttp: inner.status === 200 ? 200 : codeOf(inner),
    nomyo: answer.status === 200 ? 200 : codeOf(answer),
    clear: clear.status,
  };
}

describe('while there is no Redis to ask for replays', () => {
  test('sealed requests are answered by what each replica has seen', async () => {
    expect(await ask('local')).toEqual({ ohttp: 200, nomyo: 200, clear: 200 });
  });

  test('they are refused where the configuration says so, and no others', async () => {
    expect(await ask('refuse')).toEqual({ ohttp: 'store_unavailable', nomyo: 'store_unavailable', clear: 200 });
  });
});
