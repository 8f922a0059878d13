import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { upstreamPolicy, upstreamPolicySha256 } from '../../src/attestation/upstream-policy.ts';
import { parseConfig } from '../../src/config/parse.ts';
import type { RouterConfigInput } from '../../src/config/schema.ts';

const REMOTE = { name: 'b-remote', baseUrl: 'https://models.example/v1', models: ['m'] };
const config = (upstreams: RouterConfigInput['upstreams']) => parseConfig({ auth: 'open', upstreams });
const digest = (upstreams: RouterConfigInput['upstreams']) => upstreamPolicySha256(config(upstreams));

describe('the policy by which upstreams are picked', () => {
  test('is one text, and its digest is that text’s', () => {
    const upstreams: RouterConfigInput['upstreams'] = [
      { name: 'c-builtin', type: 'builtin' },
      REMOTE,
      { name: 'a-socket', baseUrl: 'unix:/run/model.sock', tier: 'maximum', sameTee: true, models: ['m'] },
      { name: 'd-local', baseUrl: 'http://127.0.0.1:8000/v1', tier: 'high', models: ['m'] },
    ];
    const text =
      '{"v":1,"upstreams":[' +
      '{"name":"a-socket","class":"same-tee","origin":"unix:/run/model.sock","tier":"maximum","sameTee":true,"attested":false},' +
      '{"name":"b-remote","class":"remote","origin":"https://models.example","tier":"standard","sameTee":false,"attested":true},' +
      '{"name":"c-builtin","class":"builtin","origin":"builtin","tier":"maximum","sameTee":true,"attested":false},' +
      '{"name":"d-local","class":"loopback","origin":"http://127.0.0.1:8000","tier":"high","sameTee":false,"attested":false}]}';
    expect(upstreamPolicy(config(upstreams), new Set(['b-remote']))).toBe(text);
    expect(upstreamPolicySha256(config(upstreams), new Set(['b-remote']))).toBe(
      createHash('sha256').update(text).digest('hex'),
    );
  });

  test('says where keys come from that somebody outside may have, too', () => {
    const upstreams = [REMOTE];
    const more = { auth: 'open', upstreams, redis: 'redis://127.0.0.1' } as const;
    const cluster = { secret: { keyFile: '/run/secrets/cluster' } };
    const shared = upstreamPolicy(parseConfig({ ...more, cluster }));
    expect(shared).toMatch(/\],"keysFrom":\["cluster.secret"\]\}$/);
    expect(shared.replace(',"keysFrom":["cluster.secret"]', '')).toBe(upstreamPolicy(config(upstreams)));
    const nomyoV1 = { keyFile: '/run/secrets/rsa.pem' };
    expect(upstreamPolicy(parseConfig({ ...more, cluster, nomyoV1, protocols: ['ohttp', 'nomyo-v1'] }))).toMatch(
      /\],"keysFrom":\["cluster.secret","nomyoV1.keyFile"\]\}$/,
    );
    // Without the protocol the file is not read.
    expect(upstreamPolicy(parseConfig({ ...more, nomyoV1, protocols: ['ohttp'] }))).not.toContain('keysFrom');
  });

  test('does not depend on the order of the configuration, nor on keys, waits and weights', () => {
    const other = { name: 'a', baseUrl: 'https://other.example/v1', models: ['m'] };
    expect(digest([REMOTE, other])).toBe(digest([other, REMOTE]));
    expect(digest([{ ...REMOTE, weight: 9, timeoutMs: 5, apiKeyEnv: 'KEY', models: ['n'] }])).toBe(digest([REMOTE]));
  });

  test.each<[string, Partial<typeof REMOTE> & { tier?: 'high' }]>([
    ['name', { name: 'other' }],
    ['host', { baseUrl: 'https://evil.example/v1' }],
    ['port', { baseUrl: 'https://models.example:8443/v1' }],
    ['scheme', { baseUrl: 'http://models.example/v1' }],
    ['tier', { tier: 'high' }],
  ])('is another one when the %s of an upstream changes', (_, change) => {
    expect(digest([{ ...REMOTE, ...change }])).not.toBe(digest([REMOTE]));
  });
});
