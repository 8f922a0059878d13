import { expect, test } from 'vitest';
import { checkConfig } from '../src/check-config.ts';
import { parseConfig } from '../src/config/parse.ts';
import type { RouterConfigInput } from '../src/config/schema.ts';

function check(more: Partial<RouterConfigInput>, environment: Record<string, string> = {}): Promise<void> {
  const upstreams = [{ name: 'u', baseUrl: 'http://127.0.0.1:1/v1', models: ['m'] }];
  return checkConfig(parseConfig({ auth: 'open', upstreams, ...more }), environment);
}

test.each<[string, Partial<RouterConfigInput>]>([
  ['the secret of a cluster', { redis: 'redis://127.0.0.1:1', cluster: { secret: { keyEnv: 'NOT_SET' } } }],
  ['the credential of a collector', { tracing: { otlpUrl: 'http://127.0.0.1:1/v1/traces', headersEnv: 'NOT_SET' } }],
])('a check finds what a start would: %s', async (_, more) => {
  await expect(check(more)).rejects.toMatchObject({ name: 'ConfigurationError' });
});

test('a check takes what a start would', async () => {
  const tracing = { otlpUrl: 'http://127.0.0.1:1/v1/traces', headersEnv: 'HEADERS' };
  await expect(check({ tracing }, { HEADERS: 'authorization=Bearer x' })).resolves.toBeUndefined();
});
