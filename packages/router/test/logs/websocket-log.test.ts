import { expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import { sealFor } from '../gateways/ohttp/open-exchange.ts';
import { chatInput } from '../gateways/ohttp/sealing-client.ts';
import { chat, startRouter, upstreamsAt } from '../running-router.ts';
import { startStandIn } from '../stand-in-upstream.ts';
import { connectTo, isLast } from '../websocket/socket-client.ts';
import { recordedLog } from './recorded-log.ts';

const CHAT = '/v1/chat/completions';
const KEY = 'sotto_CANARY-key-3141';
const PROMPT = 'CANARY-prompt-2718';
const NAME = 'CANARY-name-1618';

test('requests over a WebSocket have a line each, in clear and sealed, that says nothing of what was said', async () => {
  const upstream = await startStandIn();
  const log = recordedLog();
  const keys = [{ name: 'one', key: KEY }];
  const logging = { level: 'trace', requests: true } as const;
  const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl), keys, logging }, { log });

  const clear = await connectTo(`${url}${CHAT}?token=${KEY}`);
  clear.send(chat(PROMPT, { request_id: NAME }));
  await clear.until(isLast(NAME));
  expect(clear.contentOf(NAME)).toContain(PROMPT);

  const body = JSON.stringify(chat(PROMPT, { stream: true }));
  const sealed = await sealFor(url, { ...chatInput({}, [['authorization', `Bearer ${KEY}`]]), body });
  const anonymous = await connectTo(`${url}${CHAT}`);
  anonymous.send({ type: 'sealed', request_id: NAME, message: Buffer.from(sealed.body).toString('base64') });
  await anonymous.until(({ done }) => done === true);

  const models = () => log.requests.filter(({ route }) => route === CHAT);
  await eventually('both lines', () => models().length === 2);
  const common = { route: CHAT, status: 200, outcome: 'answered', upstream: 'up0', tier: 'standard' };
  expect(models()).toMatchObject([
    { ...common, door: 'clear', key_id: 'config:one' },
    { ...common, door: 'ohttp' },
  ]);
  expect(Object.keys(models()[1] ?? {}).filter((name) => /^key_id$|_tokens$/.test(name))).toEqual([]);
  expect(upstream.seen.length).toBeGreaterThan(0);
  expect(log.text).not.toMatch(/CANARY|token=|Bearer/);
  await upstream.close();
});
