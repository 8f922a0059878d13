import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EvidenceType } from '@sotto/attestation';
import {
  createSyntheticBundleText,
  createSyntheticPlatforms,
  type SyntheticPlatforms,
} from '@sotto/attestation/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UsageError } from '../../src/arguments.ts';
import type { Command } from '../../src/command.ts';
import { verifyCommandFor } from '../../src/commands/verify.ts';
import { surroundings } from '../fake-terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'sotto-verify-'));
const MEASUREMENT = '5a'.repeat(48);

let platforms: SyntheticPlatforms;
let command: Command;
let server: Server;
let url: string;
let type: EvidenceType | null = 'sev-snp';

const bundle = (kind: EvidenceType, origin: string, nonce?: Uint8Array) =>
  createSyntheticBundleText({
    platforms,
    type: kind,
    keyConfig: new Uint8Array(41),
    origin,
    now: new Date(),
    ...(nonce === undefined ? {} : { nonce }),
  });

beforeAll(async () => {
  platforms = await createSyntheticPlatforms(new Date());
  command = verifyCommandFor(platforms.roots);
  server = createServer((message, response) => {
    const nonce = new URL(message.url ?? '/', url).searchParams.get('nonce');
    if (type === null) response.writeHead(500).end();
    else
      void bundle(type, url, nonce === null ? undefined : new Uint8Array(Buffer.from(nonce, 'base64url'))).then(
        (text) => response.writeHead(200, { 'content-type': 'application/json' }).end(text),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}, 60_000);

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await new Promise((resolve) => server.close(resolve));
});

async function run(...args: readonly string[]) {
  const { context, printed } = surroundings();
  const exitCode = await command.run(args, context);
  return { exitCode, text: printed.join('\n') };
}

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const policy = () => file('policy.json', { platforms: [{ type: 'sev-snp', measurements: [MEASUREMENT] }] });

test('a router that meets the policy is verified, step by step', async () => {
  const { exitCode, text } = await run('--router', url, '--policy', policy());
  expect(exitCode).toBe(0);
  expect(text.match(/^ok /gm)).toHaveLength(7);
  expect(text).toContain(`measurement  ${MEASUREMENT}`);
  expect(text).toContain('VERIFIED: ');
  expect((await run('--router', url, '--policy', policy(), '--tier', 'maximum')).exitCode).toBe(0);
});

test('without a policy the evidence is shown, with a warning and an exit code of its own', async () => {
  const { exitCode, text } = await run('--router', url, '--json');
  expect(exitCode).toBe(3);
  expect(JSON.parse(text)).toMatchObject({ status: 'warning', proved: { measurement: MEASUREMENT }, failures: [] });
});

test.each(['sev-snp', 'tdx', 'dstack-tdx', 'aws-nitro', 'software'] as const)(
  'the policy printed for %s accepts what it was printed for',
  async (kind) => {
    type = kind;
    const { exitCode, text } = await run('--router', url, '--print-policy');
    expect(exitCode).toBe(0);
    const accepted = await run('--router', url, '--policy', file('printed.json', text));
    expect(accepted.exitCode).toBe(kind === 'software' ? 3 : 0);
    type = 'sev-snp';
  },
);

test('a router that does not meet the policy is refused, and the report says why', async () => {
  const other = file('other.json', { platforms: [{ type: 'sev-snp', measurements: ['00'.repeat(48)] }] });
  const { exitCode, text } = await run('--router', url, '--policy', other);
  expect(exitCode).toBe(1);
  expect(text).toMatch(/^FAIL policy .*\(measurement_not_allowed\)$/m);
  expect(text).toMatch(/^ok {3}binding/m);
  const refused = JSON.parse((await run('--router', url, '--policy', other, '--json')).text) as object;
  expect(refused).toMatchObject({ status: 'contraindicated', failures: [{ code: 'measurement_not_allowed' }] });
});

test('a router that gives no evidence for now has an exit code of its own', async () => {
  type = null;
  expect((await run('--router', url, '--policy', policy())).exitCode).toBe(4);
  type = 'sev-snp';
});

test('a bundle that was kept is verified for the origin that is named', async () => {
  const path = file('bundle.json', await bundle('sev-snp', 'https://router.example'));
  expect((await run(path, '--origin', 'https://router.example/v1', '--policy', policy())).exitCode).toBe(0);
  const { exitCode, text } = await run(path, '--origin', 'https://other.example', '--policy', policy());
  expect(exitCode).toBe(1);
  expect(text).toContain('audience_mismatch');
});

test('what cannot be meant is a usage error', async () => {
  const path = file('bundle.json', '{}');
  const wrong = [
    [],
    [path],
    [path, '--router', url],
    ['--router', url, '--origin', url],
    ['--router', url, '--tier', 'high'],
    ['--router', url, '--policy', policy(), '--tier', 'top'],
    ['--router', url, '--policy', policy(), '--print-policy'],
    ['--router', url, '--policy', join(folder, 'missing.json')],
    ['--router', url, '--policy', file('text.json', 'no')],
    [path, '--origin', 'router'],
    [file('long.json', ' '.repeat(262_145)), '--origin', url],
  ];
  for (const args of wrong) await expect(run(...args), args.join(' ')).rejects.toThrow(UsageError);
  await expect(run('--router', url, '--policy', file('empty.json', {}))).rejects.toMatchObject({
    code: 'policy_empty',
  });
});
