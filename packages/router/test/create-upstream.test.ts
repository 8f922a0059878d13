import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../src/config/parse.ts';
import type { UpstreamConfig } from '../src/config/schema.ts';
import { createUpstream } from '../src/create-upstream.ts';

const POLICY = { platforms: [{ type: 'sev-snp', measurements: ['5a'.repeat(48)] }] };

function sotto(more: object): UpstreamConfig {
  const upstream = {
    name: 'a',
    type: 'sotto',
    baseUrl: 'https://router.example',
    models: ['m'],
    probe: false,
    ...more,
  };
  const [only] = parseConfig({ auth: 'open', upstreams: [upstream] }).upstreams;
  if (only === undefined) throw new Error('there is no upstream');
  return only;
}

async function policyFile(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'policy-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'policy.json');
  await writeFile(path, text);
  return path;
}

async function classOf(config: UpstreamConfig): Promise<string> {
  const { upstream } = await createUpstream(config, {});
  onTestFinished(() => upstream.close());
  return upstream.class;
}

describe('another router as an upstream', () => {
  test('is told apart by what vouches for it', async () => {
    expect(await classOf(sotto({ pinnedSigners: ['ab'.repeat(32)] }))).toBe('sealed');
    expect(await classOf(sotto({ attestation: POLICY, tier: 'maximum' }))).toBe('attested');
    expect(await classOf(sotto({ attestation: await policyFile(JSON.stringify(POLICY)), tier: 'high' }))).toBe(
      'attested',
    );
  });

  test.each([
    ['is missing', () => Promise.resolve('there-is-no-such-policy.json')],
    ['is not JSON', () => policyFile('platforms:')],
    ['is no policy', () => policyFile('[]')],
    ['is empty', () => policyFile('')],
    ['allows any software', () => policyFile('{"platforms":[]}')],
    ['asks for less than its tier', () => policyFile(JSON.stringify({ ...POLICY, freshness: 'static' }))],
  ])('is refused where the file with its policy %s', async (_flaw, write) => {
    const attestation = await write();
    expect(() => sotto({ attestation, tier: 'maximum' })).toThrow(/upstreams\.0\.attestation/);
  });

  test('is refused where its key is not there', async () => {
    const config = sotto({ pinnedSigners: ['ab'.repeat(32)], apiKeyEnv: 'NOWHERE' });
    await expect(createUpstream(config, {})).rejects.toMatchObject({ code: 'invalid_config' });
  });
});
