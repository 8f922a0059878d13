import { describe, expect, test } from 'vitest';
import { InvalidConfigError } from '../../src/config/config-fault.ts';
import { environmentKeys } from '../../src/config/environment-keys.ts';
import { loadConfig } from '../../src/config/load.ts';

const LEAST = { SOTTO_AUTH: 'open', SOTTO_UPSTREAM_URL: 'http://127.0.0.1:9/v1' };

function load(environment: Record<string, string>, flags: Record<string, unknown> = {}) {
  return loadConfig({ environment: { ...LEAST, ...environment }, flags });
}

async function firstFault(environment: Record<string, string>) {
  try {
    await load(environment);
  } catch (error) {
    if (error instanceof InvalidConfigError) return error.faults[0];
    throw error;
  }
  throw new Error('the environment was taken');
}

describe('the environment', () => {
  test('has a name for every key that is in no list, each its own', () => {
    const variables = environmentKeys().map(({ variable }) => variable);
    expect(new Set(variables).size).toBe(variables.length);
    expect(variables).toEqual(
      expect.arrayContaining([
        'SOTTO_LISTEN',
        'SOTTO_LIMITS_BODY_BYTES',
        'SOTTO_TLS_CERT_FILE',
        'SOTTO_NOMYO_V1_KEY_FILE',
        'SOTTO_STORAGE',
        'SOTTO_STORAGE_KEY',
        'SOTTO_STORAGE_KEY_FILE',
        'SOTTO_ADMIN_KEY',
        'SOTTO_ADMIN_KEY_FILE',
        'SOTTO_REDIS',
        'SOTTO_SHUTDOWN_GRACE_SECONDS',
      ]),
    );
  });

  test('sets texts, numbers, booleans, lists and whole mappings', async () => {
    const config = await load({
      SOTTO_STORAGE: 'sqlite:a.db',
      SOTTO_STORAGE_KEY_FILE: '/run/secrets/storage',
      SOTTO_LIMITS_BODY_BYTES: '4096',
      SOTTO_ATTESTATION_ALLOW_INSECURE: 'false',
      SOTTO_PROTOCOLS: 'ohttp, clear',
      SOTTO_CORS_ORIGINS: 'https://a.example,https://b.example',
      SOTTO_ALIASES: '{"gpt-4": ["m"]}',
    });
    expect(config).toMatchObject({
      storage: 'sqlite:a.db',
      storageKey: { keyFile: '/run/secrets/storage' },
      limits: { bodyBytes: 4_096, headers: 100 },
      attestation: { allowInsecure: false },
      protocols: ['ohttp', 'clear'],
      cors: { origins: ['https://a.example', 'https://b.example'] },
      aliases: { 'gpt-4': ['m'] },
    });
  });

  test("names one model server and where its key is, and the key's value stays in its variable", async () => {
    const config = await load({ SOTTO_UPSTREAM_API_KEY: 'upstream-s3cret' });
    expect(config.upstreams).toMatchObject([{ name: 'default', apiKeyEnv: 'SOTTO_UPSTREAM_API_KEY' }]);
    expect(JSON.stringify(config)).not.toContain('s3cret');
    const file = { SOTTO_UPSTREAM_API_KEY_FILE: '/run/secrets/upstream' };
    expect((await load(file)).upstreams).toMatchObject([{ apiKeyFile: '/run/secrets/upstream' }]);
  });

  test.each([
    ['SOTTO_LIMITS_BODY_BYTES', 'many', 'limits.bodyBytes'],
    ['SOTTO_LIMITS_BODY_BYTES', '', 'limits.bodyBytes'],
    ['SOTTO_LIMITS_BODY_BYTES', '1.5e3x', 'limits.bodyBytes'],
    ['SOTTO_ATTESTATION_ALLOW_INSECURE', 'yes', 'attestation.allowInsecure'],
    ['SOTTO_KEYS', '[{', 'keys'],
    ['SOTTO_PROTOCOLS', 'gopher', 'protocols.0'],
    ['SOTTO_METRICS', 'everybody', 'metrics'],
  ])('with a wrong %s (%s) is refused, and the variable is named', async (variable, value, key) => {
    expect(await firstFault({ [variable]: value })).toMatchObject({ key, source: variable, line: null });
  });

  test('with a misspelt variable is refused: a limit that is not set is no limit', async () => {
    const fault = await firstFault({ SOTTO_LIMIT_BODY_BYTES: '4096' });
    expect(fault?.key).toBe('SOTTO_LIMIT_BODY_BYTES');
    expect(fault?.message).toContain('SOTTO_LIMITS_BODY_BYTES is one');
  });

  test('may hold variables of the client, of a service link, and those that the configuration names', async () => {
    const warnings: string[] = [];
    const environment = {
      ...LEAST,
      SOTTO_MODEL: 'm',
      SOTTO_API_KEY: 'sotto_caller',
      SOTTO_PORT: 'tcp://10.0.0.1:12434',
      SOTTO_PORT_12434_TCP_ADDR: '10.0.0.1',
      SOTTO_SERVICE_HOST: '10.0.0.1',
      SOTTO_ROUTER_SERVICE_PORT_HTTP: '12434',
      SOTTO_KEY: 'named below, however near it is to SOTTO_KEYS',
      SOTTO_SOMETHING_ELSE: 'x',
    };
    const flags = { auth: 'keys', keys: [{ name: 'a', keyEnv: 'SOTTO_KEY' }] };
    await expect(loadConfig({ environment, flags })).rejects.toMatchObject({ code: 'invalid_config' });
    const named = { ...environment, SOTTO_KEYS: '[{ name: a, keyEnv: SOTTO_KEY }]', SOTTO_AUTH: 'keys' };
    await loadConfig({ environment: named, onWarning: (warning) => warnings.push(warning) });
    expect(warnings).toEqual([expect.stringContaining('SOTTO_SOMETHING_ELSE')]);
  });

  test('never has a value in an error', async () => {
    const fault = await firstFault({ SOTTO_KEYS: '[{ name: a, key: sotto_s3cret, nope: 1 }]', SOTTO_AUTH: 'keys' });
    expect(JSON.stringify(fault)).not.toContain('s3cret');
  });
});
