import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createSyntheticBundleText,
  createSyntheticPlatforms,
  type SyntheticPlatforms,
} from '@sotto/attestation/testing';
import { encodeReceiptComment, type Receipt, signReceipt } from '@sotto/protocol/receipt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UsageError } from '../../src/arguments.ts';
import type { Command } from '../../src/command.ts';
import { verifyCommandFor } from '../../src/commands/verify.ts';
import { surroundings } from '../fake-terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'sotto-receipt-'));
const ORIGIN = 'https://router.example';
const MEASUREMENT = '5a'.repeat(48);
const REQUEST = '{"model":"m","messages":[]}';
const WEEK_AGO_MS = (Math.floor(Date.now() / 1_000) - 7 * 86_400) * 1_000;
const ANSWER = '{"choices":[]}';

let platforms: SyntheticPlatforms;
let command: Command;
let keys: CryptoKeyPair;
let receiptKey: string;
let server: Server;
let url: string;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A router's evidence, some of it made at another time than now. */
function bundle(origin: string, now: Date, nonce?: Uint8Array, key: string | null = receiptKey): Promise<string> {
  const claims = { kid: 'k1', ...(key === null ? {} : { receiptKey: key }) };
  const made = { platforms, type: 'sev-snp', keyConfig: new Uint8Array(41), origin, now, claims } as const;
  return createSyntheticBundleText({ ...made, ...(nonce === undefined ? {} : { nonce }) });
}

beforeAll(async () => {
  // Vendors whose certificates hold since then.
  platforms = await createSyntheticPlatforms(new Date(WEEK_AGO_MS));
  command = verifyCommandFor(platforms.roots);
  keys = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
  receiptKey = Buffer.from(await crypto.subtle.exportKey('raw', keys.publicKey)).toString('base64url');
  server = createServer((message, response) => {
    const nonce = new URL(message.url ?? '/', url).searchParams.get('nonce') ?? '';
    void bundle(url, new Date(), new Uint8Array(Buffer.from(nonce, 'base64url'))).then((text) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(text),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeFileSync(join(folder, 'bundle.json'), await bundle(ORIGIN, new Date()));
  file('policy.json', { platforms: [{ type: 'sev-snp', measurements: [MEASUREMENT] }] });
  file('request.json', REQUEST);
  file('answer.json', ANSWER);
}, 60_000);
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await new Promise((resolve) => server.close(resolve));
});

/** A receipt as a router sends it. */
function receipt(members: Partial<Receipt> = {}, key: CryptoKey = keys.privateKey): Promise<string> {
  const good: Receipt = {
    kid: 'k1',
    time: Math.floor(Date.now() / 1_000),
    requestSha256: sha256(REQUEST),
    answerSha256: sha256(ANSWER),
    model: 'm',
    tier: 'high',
    upstreamClass: 'same-tee',
  };
  const sign = async (bytes: Uint8Array) =>
    new Uint8Array(await crypto.subtle.sign('Ed25519', key, new Uint8Array(bytes)));
  return signReceipt({ ...good, ...members }, { sign });
}

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content));
  return path;
}

const at = (name: string): string => join(folder, name);

async function run(...args: readonly string[]) {
  const { context, printed } = surroundings();
  const exitCode = await command.run(args, context);
  return { exitCode, text: printed.join('\n') };
}

/** Verifies what is in a file, by the bundle that was kept. */
const byBundle = (path: string, ...more: readonly string[]) =>
  run(path, '--bundle', at('bundle.json'), '--origin', ORIGIN, '--policy', at('policy.json'), ...more);
const bodies = () => ['--request', at('request.json'), '--answer', at('answer.json')];

describe('a receipt', () => {
  test.each<[string, (sent: string) => string]>([
    ['as JSON', (sent) => JSON.stringify({ receipt: sent })],
    ['as it was sent', (sent) => `${sent}\n`],
  ])('%s is verified by the evidence that was kept with it', async (_, kept) => {
    const { exitCode, text } = await byBundle(file('receipt.json', kept(await receipt())), ...bodies());
    expect(exitCode).toBe(0);
    expect(text.match(/^ok /gm)).toHaveLength(10);
    expect(text).toContain('tier         high');
    expect(text).toContain('VERIFIED: ');
  });

  test('as JSON is told as JSON, and what was not compared is said to be so', async () => {
    const { exitCode, text } = await byBundle(file('receipt.json', { receipt: await receipt() }), '--json');
    expect(exitCode).toBe(0);
    const report = JSON.parse(text) as {
      readonly steps: readonly { readonly name: string; readonly status: string }[];
    };
    expect(report).toMatchObject({
      status: 'affirming',
      origin: ORIGIN,
      failures: [],
      receipt: { model: 'm', tier: 'high', upstreamClass: 'same-tee', kid: 'k1' },
      proved: { measurement: MEASUREMENT },
    });
    expect(report.steps.slice(-3).map(({ name, status }) => [name, status])).toEqual([
      ['receipt', 'passed'],
      ['request', 'skipped'],
      ['answer', 'skipped'],
    ]);
  });

  test('at the end of a streamed answer is of what comes before it', async () => {
    const stream = 'data: {}\n\ndata: [DONE]\n\n';
    const comment = encodeReceiptComment(await receipt({ answerSha256: sha256(stream) }));
    const whole = file('stream.txt', Buffer.concat([Buffer.from(stream), comment]));
    expect((await byBundle(whole)).text).toMatch(/^ok {3}answer/m);
    const changed = file('changed.txt', Buffer.concat([Buffer.from(stream.replace('{}', '{ }')), comment]));
    expect((await byBundle(changed)).exitCode).toBe(1);
    await expect(byBundle(whole, ...bodies())).rejects.toThrow(UsageError);
  });

  test('is verified by evidence of now, and by keys that have rotated since', async () => {
    const path = file('receipt.json', { receipt: await receipt({ kid: 'k0' }) });
    const { exitCode, text } = await run(path, '--router', url, '--policy', at('policy.json'), ...bodies());
    expect(exitCode).toBe(0);
    expect(text).toContain('keys         k0; the evidence is of k1');
  });

  test('of last week is verified by the evidence of then', async () => {
    const then = new Date(WEEK_AGO_MS);
    file('old-bundle.json', await bundle(ORIGIN, then));
    const path = file('receipt.json', { receipt: await receipt({ time: then.getTime() / 1_000 + 60 }) });
    const args = [path, '--bundle', at('old-bundle.json'), '--origin', ORIGIN, '--policy', at('policy.json')];
    expect((await run(...args)).exitCode).toBe(0);
    // The evidence of today says nothing of then.
    const { exitCode, text } = await byBundle(path);
    expect(exitCode).toBe(1);
    expect(text).toMatch(/claims_not_yet_valid/);
  });

  test('without a policy shows the evidence with a warning, and has the exit code of one', async () => {
    const path = file('receipt.json', { receipt: await receipt() });
    expect((await run(path, '--bundle', at('bundle.json'), '--origin', ORIGIN)).exitCode).toBe(3);
  });
});

describe('what is no good receipt is refused, and why is said', () => {
  const refusal = async (content: unknown, ...more: readonly string[]) => {
    const { exitCode, text } = await byBundle(file('refused.json', content), '--json', ...more);
    const { failures, receipt: shown } = JSON.parse(text) as {
      readonly failures: readonly { readonly step: string; readonly code: string }[];
      readonly receipt: unknown;
    };
    expect(exitCode).toBe(1);
    return { failures: failures.map(({ step, code }) => [step, code]), shown };
  };

  test('of another key', async () => {
    const other = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
    const { failures, shown } = await refusal({ receipt: await receipt({}, other.privateKey) });
    expect([failures, shown]).toEqual([[['receipt', 'invalid_receipt']], null]);
  });

  test('with any byte changed, cut short, or of another type', async () => {
    const sent = await receipt();
    for (const index of [0, 40, 90, sent.length - 1]) {
      const other = sent[index] === 'A' ? 'B' : 'A';
      const changed = sent.slice(0, index) + other + sent.slice(index + 1);
      expect((await refusal({ receipt: changed })).failures).toEqual([['receipt', 'invalid_receipt']]);
    }
    for (const bad of [sent.slice(0, -4), '', 7, null, ['x'], `${sent} `]) {
      expect((await refusal({ receipt: bad })).failures).toEqual([['receipt', 'invalid_receipt']]);
    }
  });

  test('of another request, of another answer, of both', async () => {
    const good = { receipt: await receipt() };
    const [request, answer] = [file('other-request.json', `${REQUEST} `), file('other-answer.json', `${ANSWER}\n`)];
    expect((await refusal(good, '--request', request)).failures).toEqual([['request', 'invalid_receipt']]);
    expect((await refusal(good, '--answer', answer)).failures).toEqual([['answer', 'invalid_receipt']]);
    expect((await refusal(good, '--request', request, '--answer', answer)).failures).toHaveLength(2);
  });

  test('of a quieter tier than is asked for, and of the future', async () => {
    const quiet = { receipt: await receipt({ tier: 'standard' }) };
    expect((await refusal(quiet, '--tier', 'high')).failures).toEqual([['receipt', 'invalid_receipt']]);
    const future = { receipt: await receipt({ time: Math.floor(Date.now() / 1_000) + 3_600 }) };
    expect((await refusal(future)).failures).toEqual([['receipt', 'invalid_receipt']]);
  });

  test('of a router that proves other software, or is another', async () => {
    const good = { receipt: await receipt() };
    const other = file('other-policy.json', { platforms: [{ type: 'sev-snp', measurements: ['00'.repeat(48)] }] });
    const { failures } = await refusal(good, '--policy', other);
    expect(failures).toContainEqual(['policy.platforms[0].measurements', 'measurement_not_allowed']);
    const elsewhere = await refusal(good, '--origin', 'https://other.example');
    expect(elsewhere.failures).toContainEqual(['claims.aud', 'audience_mismatch']);
  });

  test('by evidence that names no receipt key, and by what is no evidence', async () => {
    const good = { receipt: await receipt() };
    const keyless = file('keyless.json', await bundle(ORIGIN, new Date(), undefined, null));
    expect((await refusal(good, '--bundle', keyless)).failures).toEqual([['receipt', 'invalid_receipt']]);
    const nothing = file('nothing.json', '{"evidence":7}');
    expect((await refusal(good, '--bundle', nothing)).failures[0]?.[1]).toBe('evidence_malformed');
  });
});

test('what cannot be meant is a usage error', async () => {
  const path = file('receipt.json', { receipt: await receipt() });
  const kept = ['--bundle', at('bundle.json'), '--origin', ORIGIN];
  const wrong = [
    [path],
    [path, '--origin', ORIGIN],
    [path, '--bundle', at('bundle.json')],
    [path, ...kept, '--router', url],
    [path, ...kept, '--print-policy'],
    [path, ...kept, '--request', at('missing.json')],
    [path, '--bundle', at('missing.json'), '--origin', ORIGIN],
    [path, path, ...kept],
    [at('bundle.json'), ...kept],
    [at('bundle.json'), '--origin', ORIGIN, '--answer', at('answer.json')],
    ['--router', url, '--request', at('request.json')],
  ];
  for (const args of wrong) await expect(run(...args), args.join(' ')).rejects.toThrow(UsageError);
});
