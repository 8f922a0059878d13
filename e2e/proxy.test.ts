import { spawn } from 'node:child_process';
import { join } from 'node:path';
import OpenAI, { APIError, AuthenticationError } from 'openai';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { eventually, gate } from '../packages/router/test/eventually.ts';
import {
  completionEvents,
  json,
  type StandInUpstream,
  startStandIn,
  wellBehaved,
} from '../packages/router/test/stand-in-upstream.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type RunningRouter, runSotto, startConfigured } from './sotto.ts';
import { type RunningProxy, startSottoProxy } from './sotto-proxy.ts';

const API_KEY = 'sotto_canary_key_1701';
const PROMPT = 'canary prompt 74656';
const QUESTION = { model: 'm', messages: [{ role: 'user' as const, content: PROMPT }] };
const folder = scratchFolder();
let upstream: StandInUpstream;
let router: RunningRouter;
let proxy: RunningProxy;

beforeAll(async () => {
  upstream = await startStandIn(['m']);
  router = await startConfigured(join(folder, 'router.json'), {
    listen: '127.0.0.1:0',
    protocols: ['ohttp'],
    shutdownGraceSeconds: 1,
    keys: [{ name: 'e2e', key: API_KEY }],
    upstreams: [{ name: 'model', baseUrl: upstream.baseUrl, models: ['m'] }],
  });
  proxy = await startSottoProxy(['--router', router.url]);
});
afterEach(() => upstream.behave(wellBehaved(['m'])));
afterAll(async () => {
  await upstream.close();
  expect(await proxy.stop()).toBe(0);
  await router.stop();
});

function sdk(apiKey = API_KEY): OpenAI {
  return new OpenAI({ baseURL: `${proxy.url}/v1`, apiKey, maxRetries: 0 });
}

function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** A model server that sends the first word, and the rest once the gate is open. */
function paced(): { readonly rest: ReturnType<typeof gate>; readonly closed: Promise<void> } {
  const [rest, closed] = [gate(), gate()];
  const [first, ...others] = completionEvents(['first', ' second']);
  upstream.behave(async (_request, response) => {
    response.on('close', () => closed.open());
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(first);
    await rest.opened;
    response.end(`${others.join('')}data: [DONE]\n\n`);
  });
  return { rest, closed: closed.opened };
}

/** Runs a program to its end; null, aloud, where this machine does not have it. `onText` sees what it has written so far. */
async function runProgram(
  program: string,
  args: readonly string[],
  onText: (text: string, kill: () => void) => void = () => {},
): Promise<string | null> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
    onText(text, () => child.kill());
  });
  const outcome = await new Promise<string | null>((resolve) => {
    child.on('error', () => resolve(null));
    child.on('close', () => resolve(text));
  });
  if (outcome === null) process.stdout.write(`skipped: there is no ${program} here\n`);
  return outcome;
}

function curl(args: readonly string[], onText?: (text: string, kill: () => void) => void): Promise<string | null> {
  const headers = ['-H', `Authorization: Bearer ${API_KEY}`, '-H', 'Content-Type: application/json'];
  return runProgram('curl', ['-sS', ...headers, ...args], onText);
}

describe('sotto proxy carries the requests of', () => {
  test('the openai SDK with a base URL: chat, stream, models, tools and errors', async () => {
    const openai = sdk();
    const answer = await openai.chat.completions.create(QUESTION);
    expect(answer.choices[0]?.message.content).toBe(`echo: ${PROMPT}`);
    expect((await openai.models.list()).data.map(({ id }) => id)).toEqual(['m']);
    const { rest } = paced();
    const words: (string | undefined)[] = [];
    for await (const chunk of await openai.chat.completions.create({ ...QUESTION, stream: true })) {
      words.push(chunk.choices[0]?.delta.content ?? undefined);
      rest.open();
    }
    expect(words).toEqual(['first', ' second', undefined]);
    const failure = await openai.chat.completions
      .create({ ...QUESTION, model: 'none' })
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ status: 404, code: 'model_not_found' });
  });

  test('curl, in one piece and with -N as it comes', async () => {
    const url = `${proxy.url}/v1/chat/completions`;
    const whole = await curl([url, '-d', JSON.stringify(QUESTION)]);
    if (whole === null) return;
    expect(whole).toContain(`echo: ${PROMPT}`);
    const { rest } = paced();
    const streamed = await curl(['-N', url, '-d', JSON.stringify({ ...QUESTION, stream: true })], (text) => {
      // The second word is made only after the first has arrived.
      if (text.includes('first')) rest.open();
    });
    expect(streamed).toContain(' second');
    expect(streamed?.trimEnd().endsWith('data: [DONE]')).toBe(true);
    expect(await curl(['-I', `${proxy.url}/v1/models`])).toMatch(/^HTTP\/1\.1 200 /);
  });

  test("Python's standard library, streaming line by line", async () => {
    const program = `
import json, sys, urllib.request
body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}).encode()
headers = {"Authorization": "Bearer " + sys.argv[2], "Content-Type": "application/json"}
with urllib.request.urlopen(urllib.request.Request(sys.argv[1] + "/v1/chat/completions", body, headers)) as answer:
    for line in answer:
        if line.startswith(b"data: {"):
            print(json.loads(line[6:])["choices"][0]["delta"].get("content"), flush=True)
        elif line.strip():
            print(line.decode().strip(), flush=True)
`;
    const { rest } = paced();
    const text = await runProgram('python3', ['-c', program, proxy.url, API_KEY], (soFar) => {
      if (soFar.includes('first')) rest.open();
    });
    if (text === null) return;
    expect(text.split('\n')).toEqual(['first', ' second', 'None', 'data: [DONE]', '']);
  });
});

describe('sotto proxy', () => {
  test("passes the router's own errors on, with the class that the SDK gives them", async () => {
    await expect(sdk('sotto_wrong').chat.completions.create(QUESTION)).rejects.toBeInstanceOf(AuthenticationError);
    // For no longer: the router leaves a server alone that asks for it.
    upstream.behave(json({ error: { message: 'slow down' } }, 429, { 'retry-after-ms': '1' }));
    const answer = await post(proxy.url, QUESTION);
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await answer.json()).toMatchObject({ error: { code: 'rate_limit_exceeded' } });
  });

  test('sees its callers go away, and ends their requests at the model server', async () => {
    const { closed } = paced();
    const stream = await sdk().chat.completions.create({ ...QUESTION, stream: true });
    for await (const _ of stream) break;
    await closed;

    const again = paced();
    const killed = await curl(
      ['-N', `${proxy.url}/v1/chat/completions`, '-d', JSON.stringify({ ...QUESTION, stream: true })],
      (text, kill) => {
        if (text.includes('first')) kill();
      },
    );
    if (killed !== null) await again.closed;
  });

  test('never lets a stream look finished that is not', async () => {
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(completionEvents(['first'])[0], () => response.socket?.destroy());
    });
    const words: string[] = [];
    const read = async (): Promise<void> => {
      for await (const chunk of await sdk().chat.completions.create({ ...QUESTION, stream: true })) {
        words.push(chunk.choices[0]?.delta.content ?? '');
      }
    };
    const failure = await read().catch((error: unknown) => error);
    expect(words).toEqual(['first']);
    expect(failure).toBeInstanceOf(APIError);
    expect(failure).toMatchObject({ code: 'upstream_failed' });
  });

  test('refuses a WebSocket, other names, other origins and bodies beyond 32 MiB', async () => {
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
    const refused = await curl([
      '-i',
      `${proxy.url}/v1/chat/completions`,
      ...upgrade.flatMap((field) => ['-H', field]),
    ]);
    if (refused !== null) expect(refused).toMatch(/^HTTP\/1\.1 501 [\s\S]*"code":"websocket_not_supported"/);
    const rebound = await curl(['-H', 'Host: evil.example', `${proxy.url}/v1/models`]);
    if (rebound !== null) expect(rebound).toContain('host_not_allowed');
    expect((await post(proxy.url, QUESTION, { origin: 'https://evil.example' })).status).toBe(403);
    const before = upstream.seen.length;
    expect((await post(proxy.url, 'x'.repeat(33 * 2 ** 20))).status).toBe(413);
    expect(upstream.seen.length).toBe(before);
  });
});

function statusOf({ url }: RunningProxy): Promise<Record<string, unknown> & { readonly state: string }> {
  return fetch(`${url}/sotto/status`).then(
    (answer) => answer.json() as Promise<Record<string, unknown> & { readonly state: string }>,
  );
}

describe('what the proxy shows', () => {
  test('is what was verified: protocol, suite, key, trust', async () => {
    const status = await statusOf(proxy);
    expect(status).toMatchObject({
      router: router.url,
      state: 'connected',
      protocol: 'ohttp',
      suite: 'MLKEM768-X25519, HKDF-SHA256, AES-256-GCM',
    });
    expect(status['keyFingerprint']).toMatch(/^[0-9a-f]{64}$/);
    expect(status['trust']).toContain('--pin-signer');
    const page = await (await fetch(proxy.url)).text();
    for (const shown of [status['keyFingerprint'], status['suite'], router.url]) expect(page).toContain(shown);
    expect(proxy.events[0]).toMatchObject({ event: 'listening', state: 'connected', key: status['keyFingerprint'] });
  });

  test('is never content: neither its log nor its page hold prompt, answer or key', async () => {
    const before = proxy.events.length;
    await (await post(proxy.url, QUESTION)).text();
    await (await post(proxy.url, { ...QUESTION, stream: true })).text();
    await (await post(proxy.url, { ...QUESTION, model: 'canary-model' })).text();
    await (await fetch(`${proxy.url}/v1/models?key=${API_KEY}`)).text();
    await eventually('the log has them', () => proxy.events.length >= before + 4);
    const page = await (await fetch(proxy.url)).text();
    const shown = proxy.written() + page + JSON.stringify(await statusOf(proxy));
    expect(shown).toContain('/v1/chat/completions');
    for (const secret of [PROMPT, 'canary', 'echo', API_KEY]) expect(shown).not.toContain(secret);
  });
});

describe('another sotto proxy', () => {
  test('with the right pin, and a key of its own, serves callers that have none', async () => {
    const signer = String(router.events[0]?.['signer_fingerprint']);
    const args = ['--router', `${router.url}/v1`, '--pin-signer', signer, '--api-key-env', 'MY_KEY'];
    const own = await startSottoProxy(args, { MY_KEY: API_KEY });
    onTestFinished(async () => void (await own.stop()));
    expect(String(own.events[0]?.['trust'])).toContain('pinned');
    expect((await fetch(`${own.url}/v1/models`)).status).toBe(200);
    expect(own.written()).not.toContain(API_KEY);
  });

  test('at the same address ends with 1, and one that is called wrongly with 2', async () => {
    const args = ['proxy', '--json', '--router', router.url];
    const [taken, wrong] = await Promise.all([
      runSotto([...args, '--listen', new URL(proxy.url).host]),
      runSotto([...args, '--loud']),
    ]);
    expect(taken).toMatchObject({ code: 1, stdout: '' });
    expect(JSON.parse(taken.stderr)).toMatchObject({ error: { code: 'invalid_config' } });
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(JSON.parse(wrong.stderr)).toMatchObject({ error: { code: 'usage' } });
  });
});
