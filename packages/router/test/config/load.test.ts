import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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
