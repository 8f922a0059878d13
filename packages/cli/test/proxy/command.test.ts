import { createRouter, type RouterConfigInput, serve } from '@sotto/router';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../../../router/test/eventually.ts';
import { type StandInUpstream, startStandIn } from '../../../router/test/stand-in-upstream.ts';
import { UsageError } from '../../src/arguments.ts';
import { proxyCommand } from '../../src/commands/proxy.ts';
import { surroundings } from '../fake-terminal.ts';
import { send } from './running-proxy.ts';

const API_KEY = 'sotto_proxy_command';
let upstream: StandInUpstream;

beforeAll(async () => {
  upstream = await startStandIn(['m']);
});
afterAll(() => upstream.close());

async function startRouter(config: Partial<RouterConfigInput> = {}) {
  const router = await createRouter({
    listen: '127.0.0.1:0',
    protocols: ['ohttp'],
    keys: [{ name: 'test', key: API_KEY }],
    upstreams: [{ name: 'model', baseUrl: upstream.baseUrl, models: ['m'] }],
    ...config,
  });
  const server = await serve(router);
  onTestFinished(() => server.close());
  return { router, url: server.url, close: () => server.close() };
}

type Line = Readonly<Record<string, unknown>>;

/** Runs the command for the length of a test. */
async function runProxy(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const { context, printed, interrupt } = surroundings(environment);
  const code = proxyCommand.run(['--json', '--listen', '127.0.0.1:0', ...args], context);
  onTestFinished(async () => {
    interrupt();
    expect(await code).toBe(0);
  });
  const lines = (): readonly Line[] => printed.map((line) => JSON.parse(line) as Line);
  await Promise.race([code, eventually('the proxy listens', () => printed.length > 0)]);
  const [listening = {}] = lines();
  return {
    url: String(listening['url']),
    listening,
    /** The log's lines of the first `count` requests. */
    requests: async (count: number): Promise<readonly Line[]> => {
      await eventually(`${count} requests in the log`, () => printed.length > count);
      return lines().slice(1);
    },
  };
}

function ask(url: string, key = API_KEY, more: Readonly<Record<string, string>> = {}) {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...more };
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hello' }] });
  return send(`${url}/v1/chat/completions`, { method: 'POST', headers, body });
}

async function statusOf(url: string): Promise<Line> {
  return JSON.parse((await send(`${url}/sotto/status`)).text) as Line;
}

describe('the key', () => {
  test("of --api-key-env takes the place of the caller's, and is shown nowhere", async () => {
    const router = await startRouter();
    const proxy = await runProxy(['--router', `${router.url}/v1`, '--api-key-env', 'MY_KEY'], { MY_KEY: API_KEY });
    expect((await ask(proxy.url, 'anything')).status).toBe(200);
    expect((await send(`${proxy.url}/v1/models`)).status).toBe(200);
    expect(JSON.stringify([proxy.listening, await proxy.requests(2), await statusOf(proxy.url)])).not.toContain(
      API_KEY,
    );
  });

  test("is the caller's own without that, and a wrong one is the router's 401", async () => {
    const router = await startRouter();
    const proxy = await runProxy(['--router', router.url]);
    expect((await ask(proxy.url)).status).toBe(200);
    expect(await ask(proxy.url, 'sotto_wrong')).toMatchObject({ status: 401 });
    expect(await proxy.requests(2)).toMatchObject([{ status: 200 }, { status: 401, code: null }]);
  });
});

describe('--pin-signer', () => {
  test('with another identity sends nothing, and says why', async () => {
    const router = await startRouter();
    const proxy = await runProxy(['--router', router.url, '--pin-signer', '0'.repeat(64)]);
    expect(proxy.listening).toMatchObject({ event: 'listening', key: null });
    expect(proxy.listening['state']).toMatch(/^untrusted_signer: /);
    const before = upstream.seen.length;
    const answer = await ask(proxy.url);
    expect(answer.status).toBe(403);
    expect(answer.headers['x-should-retry']).toBe('false');
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'untrusted_signer' } });
    expect(upstream.seen.length).toBe(before);
    expect(await proxy.requests(1)).toMatchObject([{ status: 403, code: 'untrusted_signer', key: null }]);
  });

  test('with the right one says that the key is signed by it', async () => {
    const router = await startRouter();
    const proxy = await runProxy(['--router', router.url, '--pin-signer', router.router.signerFingerprint]);
    expect(proxy.listening['trust']).toContain('pinned');
    expect((await ask(proxy.url)).status).toBe(200);
    expect(await statusOf(proxy.url)).toMatchObject({ state: 'connected', trust: proxy.listening['trust'] });
  });
});

describe('--allow-origin and --allow-host', () => {
  test('let in what they name, beside what is let in anyway', async () => {
    const router = await startRouter();
    const [origin, host] = ['https://page.example', 'box.internal'];
    const proxy = await runProxy(['--router', router.url, '--allow-origin', origin, '--allow-host', host]);
    const answer = await ask(proxy.url, API_KEY, { origin, host });
    expect(answer).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': origin } });
    expect((await ask(proxy.url, API_KEY, { origin: 'https://other.example' })).status).toBe(403);
    expect((await ask(proxy.url, API_KEY, { host: 'other.internal' })).status).toBe(403);
  });
});

describe('a router that goes and comes back', () => {
  test('costs a 502, and is found again with its new keys by the same proxy', async () => {
    const first = await startRouter();
    const proxy = await runProxy(['--router', first.url]);
    expect((await ask(proxy.url)).status).toBe(200);
    await first.close();
    const failed = await ask(proxy.url);
    expect(failed).toMatchObject({ status: 502, headers: { 'x-should-retry': 'true' } });
    expect(JSON.parse(failed.text)).toMatchObject({ error: { code: 'connection_failed' } });
    await proxy.requests(2);
    expect((await statusOf(proxy.url))['state']).toMatch(/^connection_failed: /);

    await startRouter({ listen: first.url.slice('http://'.length) });
    expect((await ask(proxy.url)).status).toBe(200);
    const log = await proxy.requests(3);
    expect(log.map(({ status, code }) => [status, code])).toEqual([
      [200, null],
      [502, 'connection_failed'],
      [200, null],
    ]);
    // Each line names the key that its request was sealed to.
    expect(log[2]?.['key']).not.toBe(log[0]?.['key']);
    expect(await statusOf(proxy.url)).toMatchObject({ state: 'connected', requests: 3, failures: 1 });
  });

  test('need not be there when the proxy starts', async () => {
    const router = await startRouter();
    await router.close();
    const proxy = await runProxy(['--router', router.url]);
    expect(proxy.listening).toMatchObject({ key: null, suite: null });
    expect(proxy.listening['state']).toMatch(/^connection_failed: /);
    await startRouter({ listen: router.url.slice('http://'.length) });
    expect((await ask(proxy.url)).status).toBe(200);
  });
});

describe('a wrong call', () => {
  const run = (...args: string[]) => proxyCommand.run(args, surroundings().context);

  test('is a usage error', async () => {
    await expect(run()).rejects.toThrow('--router');
    for (const args of [
      ['--router', 'https://router.test', '--loud'],
      ['https://router.test', '--router', 'https://router.test'],
      ['--router', 'https://router.test', '--api-key-env', 'NOT_SET'],
      ['--router', 'https://router.test', '--listen', 'everywhere'],
      ['--router', 'https://router.test', '--listen', '127.0.0.1:65536'],
      ['--router', 'https://router.test', '--pq', 'perhaps'],
    ]) {
      await expect(run(...args), args.join(' ')).rejects.toThrow(UsageError);
    }
  });

  test.each([
    ['an address that is no URL', ['router'], 'invalid_option'],
    ['plain http to another machine', ['http://192.0.2.1'], 'insecure_transport'],
    ['an address that only looks like this machine', ['http://127.0.0.1:80@192.0.2.1'], 'invalid_option'],
    ['a pin that is none', ['https://router.test', '--pin-signer', 'abc'], 'invalid_option'],
  ])('of %s sends nothing', async (_what, args, code) => {
    await expect(run('--listen', '127.0.0.1:0', '--router', ...args)).rejects.toMatchObject({ code });
  });

  test('of an address that is in use names it', async () => {
    const router = await startRouter();
    const proxy = await runProxy(['--router', router.url]);
    const { host } = new URL(proxy.url);
    await expect(run('--router', router.url, '--listen', host)).rejects.toMatchObject({ code: 'invalid_config' });
  });
});

describe('in words', () => {
  test('the address to use comes first, and a line a request follows', async () => {
    const router = await startRouter();
    const { context, printed, said, interrupt } = surroundings();
    const code = proxyCommand.run(['--router', router.url, '--listen', '127.0.0.1:0'], context);
    await eventually('the proxy listens', () => said.length > 0);
    const [, url = ''] =
      /^Sotto proxy on (http:\/\/127\.0\.0\.1:\d+): use \1\/v1 as the base URL\n/.exec(said[0] ?? '') ?? [];
    expect(said[0]).toMatch(/key SHA-256 [0-9a-f]{64}\n {2}trust: .+--pin-signer/);
    expect(said[0]).not.toContain('Other machines');
    await ask(url);
    await eventually('the request is in the log', () => said.length > 1);
    expect(said[1]).toMatch(/^POST \/v1\/chat\/completions 200 \d+ ms \(MLKEM768-X25519, .+, key [0-9a-f]{16}\)$/);
    expect(printed).toEqual([]);
    interrupt();
    expect(await code).toBe(0);
  });

  test('an address that other machines reach is told to be one', async () => {
    const router = await startRouter();
    const { context, said, interrupt } = surroundings();
    const code = proxyCommand.run(['--router', router.url, '--listen', '0.0.0.0:0'], context);
    await eventually('the proxy listens', () => said.length > 0);
    expect(said[0]).toContain('Other machines can use it');
    interrupt();
    await code;
  });
});
