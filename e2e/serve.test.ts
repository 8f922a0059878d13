import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { SecureChatCompletion } from '@sotto/client';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { completionEvents, type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import { SOTTO } from './dist.ts';
import { scratchFolder } from './scratch-folder.ts';
import { runSotto, startConfigured, startSotto } from './sotto.ts';
import { isRunning, listsProcesses, workersOf } from './worker-processes.ts';

const folder = scratchFolder();
const QUESTION = { model: 'm', messages: [{ role: 'user', content: 'hello' }] };
let upstream: StandInUpstream;

beforeAll(async () => {
  upstream = await startStandIn(['m']);
});
afterAll(() => upstream.close());

function ask(url: string, body: unknown = QUESTION): Promise<Response> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  return fetch(`${url}/v1/chat/completions`, init);
}

describe('sotto serve', () => {
  test('with --upstream and nothing else is a router, open to this machine', async () => {
    const router = await startSotto(['--upstream', upstream.baseUrl, '--port', '0']);
    expect(router.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(router.events[0]).toMatchObject({ auth: 'open', workers: 1 });
    expect(router.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect((await ask(router.url)).status).toBe(200);
    expect(await router.stop()).toBe(0);
    const told = router.events.map(({ event }) => event);
    expect(told.filter((event) => event !== 'request')).toEqual(['listening', 'shutting_down', 'stopped']);
    // The line of the one request is written before the router's last word.
    expect(told.slice(0, -1).filter((event) => event === 'request')).toHaveLength(1);
  });

  test('with --builtin answers sealed requests of tier maximum, and still shuts down in order', async () => {
    const config = { auth: 'open', listen: '127.0.0.1:0', nomyoV1: { keyFile: inject('routerKey') } };
    const router = await startConfigured(join(folder, 'builtin.json'), config, { args: ['--builtin'] });
    const client = new SecureChatCompletion({
      baseURL: router.url,
      allowHttp: true,
      apiKey: null,
      protocol: 'nomyo-v1',
      keyDir: inject('clientKeys'),
      pinnedKeys: [router.fingerprint ?? ''],
    });
    const messages = [{ role: 'user', content: 'What is the capital of France?' }];
    const answer = await client.create({ model: 'sotto-tiny', messages, temperature: 0, security_tier: 'maximum' });
    expect(answer.choices[0]?.message.content).toContain('Paris');
    expect(answer._metadata).toMatchObject({ is_encrypted: true, upstream_class: 'builtin' });
    expect(await router.stop('SIGINT')).toBe(0);
  });

  test('takes its address, upstream and openness from the environment, and the command line outranks it', async () => {
    const path = join(folder, 'environment.json');
    const environment = { SOTTO_AUTH: 'open', SOTTO_LISTEN: '127.0.0.1:1', SOTTO_UPSTREAM_URL: upstream.baseUrl };
    const config = { upstreams: [{ name: 'unused', baseUrl: 'http://127.0.0.1:9/v1' }], protocols: ['clear'] };
    const router = await startConfigured(path, config, { environment, args: ['--listen', '127.0.0.1:0'] });
    expect((await ask(router.url)).status).toBe(200);
    expect(await router.stop()).toBe(0);
  });

  test('asks callers for the key that --api-key-env names', async () => {
    const path = join(folder, 'key-env.json');
    const config = { listen: '127.0.0.1:0', protocols: ['clear'] };
    const args = ['--api-key-env', 'E2E_KEY', '--upstream', upstream.baseUrl];
    const router = await startConfigured(path, config, { args, environment: { E2E_KEY: 'sotto_from_env' } });
    expect((await ask(router.url)).status).toBe(401);
    const headers = { 'x-api-key': 'sotto_from_env' };
    expect((await fetch(`${router.url}/v1/models`, { headers })).status).toBe(200);
    await router.stop();
  });

  test('listens on a unix socket', async () => {
    const socketPath = join(folder, 'router.sock');
    const config = { auth: 'open', protocols: ['clear'], listen: `unix:${socketPath}` };
    const router = await startConfigured(join(folder, 'unix.json'), config, { args: ['--upstream', upstream.baseUrl] });
    const dispatcher = new Agent({ connect: { socketPath } });
    const answer = await request('http://localhost/health', { dispatcher });
    expect(await answer.body.json()).toEqual({ status: 'ok' });
    await dispatcher.close();
    expect(await router.stop()).toBe(0);
  });

  test('speaks TLS with the certificate of the configuration', async () => {
    const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const key = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const made = spawnSync('openssl', ['req', ...key, ...subject, '-keyout', keyFile, '-out', certFile]);
    if (made.status !== 0) {
      process.stdout.write('skipped: there is no openssl to make a certificate with\n');
      return;
    }
    const config = { auth: 'open', protocols: ['clear'], listen: '127.0.0.1:0', tls: { certFile, keyFile } };
    const router = await startConfigured(join(folder, 'tls.json'), config, { args: ['--upstream', upstream.baseUrl] });
    expect(router.url).toMatch(/^https:/);
    const dispatcher = new Agent({ connect: { ca: readFileSync(certFile) } });
    expect((await request(`${router.url}/health`, { dispatcher })).statusCode).toBe(200);
    await dispatcher.close();
    await router.stop();
  });
});

describe('a shutdown', () => {
  const config = { auth: 'open', protocols: ['clear'], listen: '127.0.0.1:0', shutdownGraceSeconds: 1 };

  test('lets the answer that is under way finish, and takes no other', async () => {
    const upstreams = [{ name: 'model', baseUrl: upstream.baseUrl, models: ['m'] }];
    const longer = { ...config, upstreams, shutdownGraceSeconds: 30 };
    const router = await startConfigured(join(folder, 'sigterm.json'), longer);
    const [begin, ...rest] = completionEvents(['first', ' second']);
    let finish = (): void => {};
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(begin);
      finish = () => response.end(`${rest.join('')}data: [DONE]\n\n`);
    });
    const answer = await ask(router.url, { ...QUESTION, stream: true });
    const stopped = router.stop();
    await router.event('shutting_down');
    await expect(ask(router.url)).rejects.toThrow();
    finish();
    const text = await answer.text();
    expect(text).toContain(' second');
    expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true);
    expect(await stopped).toBe(0);
  });

  test('cuts off what is not over after shutdownGraceSeconds, and never as if it were whole', async () => {
    const upstreams = [{ name: 'model', baseUrl: upstream.baseUrl, models: ['m'] }];
    const router = await startConfigured(join(folder, 'grace.json'), { ...config, upstreams });
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(completionEvents(['first'])[0]);
    });
    const answer = await ask(router.url, { ...QUESTION, stream: true });
    expect(await router.stop()).toBe(0);
    await expect(answer.text()).rejects.toThrow();
  });
});

describe.each([
  ['one process', [] as string[]],
  ['two workers', ['--workers', '2']],
])('a router of %s that is told twice to end', (name, args) => {
  test('cuts what is under way, and ends at once with 1', async () => {
    const upstreams = [{ name: 'model', baseUrl: upstream.baseUrl, models: ['m'] }];
    const patient = { auth: 'open', protocols: ['clear'], listen: '127.0.0.1:0', shutdownGraceSeconds: 600, upstreams };
    const router = await startConfigured(join(folder, `${name}.json`), patient, { args });
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(completionEvents(['first'])[0]);
    });
    const answer = await ask(router.url, { ...QUESTION, stream: true });
    // A worker that hangs answers no reload, and then none has an end: that must not hold up this one either.
    const [hanging] = args.length === 0 || !listsProcesses ? [] : workersOf(router);
    if (hanging !== undefined) {
      process.kill(hanging, 'SIGSTOP');
      process.kill(router.pid, 'SIGHUP');
    }
    const ended = router.stop();
    await router.event('shutting_down');
    const told = performance.now();
    process.kill(router.pid, 'SIGTERM');
    expect(await ended).toBe(1);
    expect(performance.now() - told).toBeLessThan(5_000);
    expect(router.events.at(-1)).toMatchObject({ event: 'stopped', at_once: true });
    await expect(answer.text()).rejects.toThrow();
    // Its outputs are closed only when no worker has them any more.
    if (hanging !== undefined) expect(isRunning(hanging)).toBe(false);
  });
});

test('a start that hangs ends at once with 1 when it is told twice to end', async () => {
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const connected = once(silent, 'connection');
  const { port } = silent.address() as AddressInfo;
  const path = join(folder, 'hanging.json');
  const storage = `postgres://sotto:nothing@127.0.0.1:${port}/sotto`;
  const storageKey = { key: Buffer.alloc(32, 9).toString('base64') };
  writeFileSync(path, JSON.stringify({ auth: 'open', protocols: ['clear'], storage, storageKey }), { mode: 0o600 });
  const child = spawn(process.execPath, [SOTTO, 'serve', '--json', '--config', path, '--upstream', upstream.baseUrl]);
  let told = '';
  child.stdout.on('data', (bytes: Buffer) => {
    told += bytes.toString('utf8');
  });
  const ended = once(child, 'close');
  const [socket] = (await connected) as [Socket];
  child.kill('SIGTERM');
  // Two at once can be one to the system: ask until it is over.
  const insisting = setInterval(() => child.kill('SIGTERM'), 100);
  expect(await ended).toEqual([1, null]);
  expect(JSON.parse(told)).toMatchObject({ event: 'stopped', at_once: true });
  clearInterval(insisting);
  socket.destroy();
  silent.close();
});

describe('sotto serve says what is wrong', () => {
  const open = ['--upstream', 'http://127.0.0.1:9/v1'];

  test('with a port that is in use', async () => {
    const other = createServer();
    const port = await new Promise<number>((resolve) => {
      other.listen(0, '127.0.0.1', () => {
        const address = other.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    const path = join(folder, 'in-use.json');
    writeFileSync(path, JSON.stringify({ auth: 'open', protocols: ['clear'] }));
    const outcome = await runSotto(['serve', '--config', path, ...open, '--port', String(port)]);
    other.close();
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain(`127.0.0.1:${port} is in use already`);
  });

  test('with a key of the configuration that is misspelt', async () => {
    const path = join(folder, 'wrong.json');
    writeFileSync(path, JSON.stringify({ upstream: [] }));
    const outcome = await runSotto(['serve', '--config', path]);
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain('(top level): there is no key upstream');
  });

  test('with a file that is not YAML, by line, and with one that is not there', async () => {
    const path = join(folder, 'wrong.yaml');
    writeFileSync(path, 'auth: open\nkeys: [\n');
    const broken = await runSotto(['serve', '--config', path]);
    expect(broken.stderr).toMatch(/not valid YAML or JSON at line \d/);
    const missing = await runSotto(['serve', '--json', '--config', join(folder, 'none.yaml')]);
    expect(missing.code).toBe(1);
    expect(JSON.parse(missing.stderr)).toMatchObject({ error: { code: 'invalid_config' } });
  });

  test('with a key file that is none', async () => {
    const path = join(folder, 'key-file.json');
    writeFileSync(path, JSON.stringify({ auth: 'open', nomyoV1: { keyFile: path } }));
    const outcome = await runSotto(['serve', '--json', '--config', path, ...open]);
    expect(JSON.parse(outcome.stderr)).toMatchObject({ error: { code: 'invalid_key_file' } });
  });
});
