import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InvalidConfigError } from '../../src/config/config-fault.ts';
import { loadConfig } from '../../src/config/load.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sotto-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string, name = 'sotto.config.yaml'): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const YAML = `
listen: 127.0.0.1:1000
auth: open   # everybody
upstreams:
  - name: local
    baseUrl: http://127.0.0.1:8000/v1
aliases:
  gpt-4: [local/x]
`;

describe('the configuration', () => {
  test('is read from YAML and from JSON alike', async () => {
    const fromYaml = await loadConfig({ file: file(YAML) });
    expect(fromYaml).toMatchObject({ listen: '127.0.0.1:1000', aliases: { 'gpt-4': ['local/x'] } });
    const json = JSON.stringify({
      listen: '127.0.0.1:1000',
      auth: 'open',
      upstreams: [{ name: 'local', baseUrl: 'http://127.0.0.1:8000/v1' }],
      aliases: { 'gpt-4': ['local/x'] },
    });
    expect(await loadConfig({ file: file(json, 'sotto.config.json') })).toEqual(fromYaml);
  });

  test('of the environment outranks the file, and flags outrank both', async () => {
    const environment = {
      SOTTO_LISTEN: '127.0.0.1:2000',
      SOTTO_PUBLIC_URL: 'https://router.example',
      SOTTO_UPSTREAM_URL: 'http://127.0.0.1:9/v1',
    };
    const path = file(YAML);
    const overridden = await loadConfig({ file: path, environment });
    expect(overridden).toMatchObject({ listen: '127.0.0.1:2000', publicUrl: 'https://router.example' });
    expect(overridden.upstreams).toMatchObject([{ name: 'default', baseUrl: 'http://127.0.0.1:9/v1' }]);
    const flags = { listen: '127.0.0.1:3000' };
    expect(await loadConfig({ file: path, environment, flags })).toMatchObject({
      listen: '127.0.0.1:3000',
      publicUrl: 'https://router.example',
    });
  });

  test('of environment alone is enough', async () => {
    const environment = { SOTTO_AUTH: 'open', SOTTO_UPSTREAM_URL: 'http://127.0.0.1:9/v1' };
    expect((await loadConfig({ environment })).auth).toBe('open');
  });

  test.each([
    ['a tab', 'listen: x\n\tauth: open\n', 2],
    ['a bracket left open', 'auth: open\nupstreams: [\n', 3],
    ['a key twice', 'auth: open\nlisten: a:1\nauth: keys\n', 3],
    ['a quote left open', 'auth: open\nlisten: "x\n', 3],
  ])('with %s is refused with its line', async (_what, text, line) => {
    const loaded = loadConfig({ file: file(text) });
    await expect(loaded).rejects.toMatchObject({ name: 'ConfigurationError', code: 'invalid_config' });
    await expect(loaded).rejects.toThrow(new RegExp(`line [${line - 1}${line}]\\b`));
  });

  test.each([
    ['empty', ''],
    ['a list', '- a\n- b\n'],
    ['a string', 'hello'],
    ['an alias', 'auth: &a open\nlisten: *a\n'],
    ['an alias that grows', `a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n`],
    ['a tag that makes something', 'auth: !!js/function "x"\n'],
    ['a prototype', '__proto__:\n  auth: open\n'],
  ])('that is %s is refused', async (_what, text) => {
    const loaded = loadConfig({ file: file(text) });
    await expect(loaded).rejects.toMatchObject({ name: 'ConfigurationError', code: 'invalid_config' });
  });

  test('that is not there is refused by its name', async () => {
    const loaded = loadConfig({ file: join(folder, 'none.yaml') });
    await expect(loaded).rejects.toMatchObject({ name: 'ConfigurationError', code: 'invalid_config' });
    await expect(loaded).rejects.toThrow('none.yaml');
  });

  test('with a broken line does not repeat it: it may hold a key', async () => {
    const loaded = loadConfig({ file: file('keys: [{ name: a, key: "sotto_s3cret\n') });
    await expect(loaded).rejects.not.toThrow('sotto_s3cret');
    await expect(loaded).rejects.toMatchObject({ code: 'invalid_config' });
  });
});

async function faultsOf(loaded: Promise<unknown>): Promise<InvalidConfigError['faults']> {
  try {
    await loaded;
  } catch (error) {
    if (error instanceof InvalidConfigError) return error.faults;
    throw error;
  }
  throw new Error('the configuration was taken');
}

describe('a mistake', () => {
  const WRONG = `listen: 127.0.0.1:1
auth: open
limits:
  bodyBytes: 1
upstreams:
  - name: a
    baseUrl: http://127.0.0.1:8000/v1
  - name: b
    baseUrl: ftp://x
    wieght: 2
chatbots:
  - id: bot
    name: Bot
`;

  test('is named with its file, line and key, and all at once', async () => {
    const path = file(WRONG);
    const faults = await faultsOf(loadConfig({ file: path }));
    expect(faults.map(({ key, source, line }) => [key, source, line])).toEqual(
      expect.arrayContaining([
        ['limits.bodyBytes', path, 4],
        ['upstreams.1.baseUrl', path, 9],
        ['upstreams.1', path, 10],
        // What is missing is told where the thing is that lacks it.
        ['chatbots.0.model', path, 12],
      ]),
    );
    expect(faults).toHaveLength(4);
    expect(new InvalidConfigError(faults).message).toContain(`${path}:4: limits.bodyBytes: `);
  });

  test.each([
    ['limit: {}', 'limits'],
    ['upstream: []', 'upstreams'],
    ['Listen: 127.0.0.1:1', 'listen'],
    ['nomyov1: {}', 'nomyoV1'],
  ])('in the name of a key (%s) is told with the name that was meant', async (line, meant) => {
    const [fault] = await faultsOf(loadConfig({ file: file(`${YAML}\n${line}\n`) }));
    expect(fault?.message).toMatch(new RegExp(`; ${meant} is one$`));
    expect(fault?.line).toBe(10);
  });

  test('deep inside is told with the names that there are at that place', async () => {
    const faults = await faultsOf(loadConfig({ file: file(WRONG.replace('wieght: 2', 'breaker: { failure: 1 }')) }));
    expect(faults.find(({ key }) => key === 'upstreams.1.breaker')?.message).toContain('failures is one');
  });

  test('in a variable or on the command line is told as such', async () => {
    const environment = { SOTTO_LIMITS_BODY_BYTES: '1' };
    const flags = { listen: 'nowhere' };
    const path = file(YAML);
    const [ofVariable] = await faultsOf(loadConfig({ file: path, environment }));
    expect(ofVariable).toMatchObject({ key: 'limits.bodyBytes', source: 'SOTTO_LIMITS_BODY_BYTES', line: null });
    const [ofFlag] = await faultsOf(loadConfig({ file: path, flags }));
    expect(ofFlag).toMatchObject({ key: 'listen', source: 'the command line' });
  });
});

test('a variable takes the place of wherever the file says that secret is, and of nothing else', async () => {
  const path = file(`${YAML}\nadmin: { keyFile: elsewhere }\nlimits: { headers: 50, bodyBytes: 2048 }\n`);
  const environment = { SOTTO_ADMIN_KEY_ENV: 'HERE', SOTTO_LIMITS_BODY_BYTES: '4096' };
  const config = await loadConfig({ file: path, environment });
  expect(config.admin).toEqual({ keyEnv: 'HERE' });
  expect(config.limits).toMatchObject({ headers: 50, bodyBytes: 4_096 });
});

describe('a file', () => {
  const KEYED = YAML.replace('auth: open   # everybody', 'keys: [{ name: a, key: sotto_s3cret }]');

  test('with a key that others may read is warned of, without the key', async () => {
    const path = file(KEYED, 'shared.yaml');
    const warnings: string[] = [];
    chmodSync(path, 0o644);
    await loadConfig({ file: path, onWarning: (warning) => warnings.push(warning) });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(path);
    expect(warnings[0]).not.toContain('s3cret');
    chmodSync(path, 0o600);
    await loadConfig({ file: path, onWarning: (warning) => warnings.push(warning) });
    expect(warnings).toHaveLength(1);
  });

  test.each([
    ['redis', 'redis://:s3cret@127.0.0.1:6379'],
    ['storage', 'postgres://sotto:s3cret@127.0.0.1/sotto'],
  ])('with a password in %s that others may read is warned of, too', async (name, url) => {
    const path = file(`${YAML}\n${name}: ${url}\nstorageKey: { keyFile: elsewhere }\n`, `${name}.yaml`);
    const warnings: string[] = [];
    chmodSync(path, 0o644);
    await loadConfig({ file: path, onWarning: (warning) => warnings.push(warning) });
    expect(warnings).toEqual([expect.stringContaining(path)]);
    expect(warnings[0]).not.toContain('s3cret');
  });

  test('may name any variable of ours for any of its secrets', async () => {
    const path = file(`${YAML}\ntracing: { headersEnv: SOTTO_COLLECTOR }\n`, 'named.yaml');
    const environment = { SOTTO_COLLECTOR: 'authorization=x' };
    await loadConfig({ file: path, environment, onWarning: (warning) => expect.unreachable(warning) });
  });

  test('without a key may be read by all', async () => {
    const path = file(YAML, 'public.yaml');
    chmodSync(path, 0o644);
    await loadConfig({ file: path, onWarning: (warning) => expect.unreachable(warning) });
  });
});
