import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { upstreamPolicy } from '../../src/attestation/upstream-policy.ts';
import { parseConfig } from '../../src/config/parse.ts';

const [PIN, OTHER] = ['ab'.repeat(32), 'cd'.repeat(32)];
const MEASUREMENT = '5a'.repeat(48);
const POLICY = { platforms: [{ type: 'sev-snp', measurements: [MEASUREMENT] }], maxAgeSeconds: 60 };
const SOTTO = { type: 'sotto', baseUrl: 'https://router.example' };

/** The object of one upstream in the policy of upstreams. */
function outline(upstream: object): string {
  const config = parseConfig({ auth: 'open', upstreams: [{ name: 'a', ...upstream }] });
  return upstreamPolicy(config).slice('{"v":1,"upstreams":['.length, -']}'.length);
}

describe('what an upstream is told from others by', () => {
  test('is the keys of its certificate, in ascending order', () => {
    expect(outline({ baseUrl: 'https://gpu.example/v1', tlsSpkiSha256: [OTHER, PIN.toUpperCase()] })).toBe(
      '{"name":"a","class":"pinned","origin":"https://gpu.example","tier":"standard","sameTee":false,' +
        `"attested":false,"proof":{"tlsSpkiSha256":["${PIN}","${OTHER}"]}}`,
    );
  });

  test('is the signers of another router, and the digest of the policy for its evidence', () => {
    const text = `{"maxAgeSeconds":60,"platforms":[{"measurements":["${MEASUREMENT}"],"type":"sev-snp"}]}`;
    const digest = createHash('sha256').update(text).digest('hex');
    expect(outline({ ...SOTTO, tier: 'maximum', pinnedSigners: [PIN], attestation: POLICY })).toBe(
      '{"name":"a","class":"attested","origin":"https://router.example","tier":"maximum","sameTee":false,' +
        `"attested":true,"proof":{"pinnedSigners":["${PIN}"],"attestationSha256":"${digest}"}}`,
    );
  });

  test('does not depend on the order in which a policy is written, and does on each measurement', () => {
    const { platforms, maxAgeSeconds } = POLICY;
    const of = (attestation: object) => outline({ ...SOTTO, attestation });
    expect(of({ maxAgeSeconds, platforms })).toBe(of(POLICY));
    expect(of({ platforms: [{ type: 'sev-snp', measurements: ['66'.repeat(48)] }], maxAgeSeconds })).not.toBe(
      of(POLICY),
    );
  });

  test('is nothing where only its address is known', () => {
    expect(outline({ baseUrl: 'https://gpu.example/v1' })).not.toContain('proof');
  });
});
