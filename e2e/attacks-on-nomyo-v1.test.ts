import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClientOptions, SecureChatCompletion, SottoError } from '@sotto/client';
import { nodeCrypto } from '@sotto/protocol/node';
import {
  decodePublicKeyHeader,
  encodePublicKeyHeader,
  exportPublicKeyPem,
  generateRsaKeyPair,
  importPublicKeyPem,
  openResponse,
  type RsaKeyPair,
  sealResponse,
} from '@sotto/protocol/nomyo-v1';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import { type ManInTheMiddle, type PassingRequest, sendOn, startManInTheMiddle } from './man-in-the-middle.ts';
import { type RunningRouter, startConfigured } from './sotto.ts';

const FORGED = { choices: [{ index: 0, message: { role: 'assistant', content: 'forged' }, finish_reason: 'stop' }] };
const QUESTION = { model: 'm', messages: [{ role: 'user', content: 'between us' }] };

let folder: string;
let upstream: StandInUpstream;
let router: RunningRouter;
let middle: ManInTheMiddle;
let attacker: RsaKeyPair;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-attacks-'));
  upstream = await startStandIn(['m']);
  router = await startConfigured(join(folder, 'sotto.json'), {
    listen: '127.0.0.1:0',
    auth: 'open',
    nomyoV1: { keyFile: inject('routerKey') },
    upstreams: [{ name: 'model', baseUrl: upstream.baseUrl, tier: 'high', models: ['m'] }],
  });
  middle = await startManInTheMiddle(router.url);
  attacker = await generateRsaKeyPair(nodeCrypto, 2_048);
});
beforeEach(() => middle.attack({}));
afterAll(async () => {
  await middle.close();
  await router.stop();
  await upstream.close();
  rmSync(folder, { recursive: true });
});

function clientThroughMiddle(options: ClientOptions = {}): SecureChatCompletion {
  return new SecureChatCompletion({
    baseURL: middle.url,
    allowHttp: true,
    apiKey: null,
    keyDir: inject('clientKeys'),
    maxRetries: 0,
    protocol: 'nomyo-v1',
    ...options,
  });
}

async function codeOf(outcome: PromiseLike<unknown>): Promise<unknown> {
  try {
    return await outcome;
  } catch (error) {
    return SottoError.isInstance(error) ? error.code : error;
  }
}

function isSealed({ path }: PassingRequest): boolean {
  return path === '/v1/chat/secure_completion';
}

/** Puts the attacker's key in the place of the client's. */
function withSwappedKey(message: PassingRequest): PassingRequest {
  if (!isSealed(message)) return message;
  const header = encodePublicKeyHeader(exportPublicKeyPem(attacker.publicKey));
  return { ...message, headers: { ...message.headers, 'x-public-key': header } };
}

/** Seals an answer of the attacker's own to whoever asks: all it takes is the public key in the header. */
async function forgeAnswer({ headers }: PassingRequest): Promise<Buffer> {
  const clientKey = await importPublicKeyPem(nodeCrypto, decodePublicKeyHeader(String(headers['x-public-key'])));
  const plaintext = Buffer.from(JSON.stringify(FORGED));
  const options = { clientKey, tagStyle: 'separate', macUnder: null, nowMs: Date.now() } as const;
  return Buffer.from(await sealResponse(nodeCrypto, plaintext, options));
}

describe('the one in the middle', () => {
  test('passes everything on, and sees neither question nor answer', async () => {
    const answer = await clientThroughMiddle().create(QUESTION);
    expect(answer.choices[0]?.message.content).toBe('echo: between us');
    expect(answer._metadata.response_authenticated).toBe(true);
    expect(middle.seen.at(-1)?.body.toString('utf8')).not.toContain('between us');
  });

  test('who swaps the public key is noticed by the router, and gets no answer to read', async () => {
    const client = clientThroughMiddle();
    const asked = upstream.seen.length;
    let stolen = '';
    middle.attack({
      onRequest: withSwappedKey,
      onAnswer: (answer, { path }) => {
        if (path === '/v1/chat/secure_completion') stolen = answer.body.toString('utf8');
        return answer;
      },
    });
    expect(await codeOf(client.create(QUESTION))).toBe('binding_mismatch');
    expect(JSON.parse(stolen)).not.toHaveProperty('encrypted_payload');
    expect(upstream.seen.length).toBe(asked);
  });

  test('who changes the tier or the payload id is noticed by the router', async () => {
    const client = clientThroughMiddle();
    for (const forged of [{ 'x-security-tier': 'standard' }, { 'x-payload-id': 'another' }]) {
      middle.attack({
        onRequest: (message) =>
          isSealed(message) ? { ...message, headers: { ...message.headers, ...forged } } : message,
      });
      expect(await codeOf(client.create({ ...QUESTION, security_tier: 'high' }))).toBe('binding_mismatch');
    }
  });

  test('who makes up an answer is noticed by the client', async () => {
    const client = clientThroughMiddle();
    middle.attack({
      onRequest: async (message) =>
        isSealed(message) ? { status: 200, headers: {}, body: await forgeAnswer(message) } : message,
    });
    expect(await codeOf(client.create(QUESTION))).toBe('response_not_authentic');
  });

  test('who puts an answer of their own under the MAC of a true one is noticed by the client', async () => {
    const client = clientThroughMiddle();
    middle.attack({
      onAnswer: async (answer, message) => {
        if (!isSealed(message)) return answer;
        const { sotto_mac } = JSON.parse(answer.body.toString('utf8')) as { sotto_mac: string };
        const forged = JSON.parse((await forgeAnswer(message)).toString('utf8')) as object;
        return { ...answer, body: Buffer.from(JSON.stringify({ ...forged, sotto_mac })) };
      },
    });
    expect(await codeOf(client.create(QUESTION))).toBe('response_not_authentic');
  });

  test('who sends the same bytes again is refused, and the model is asked once', async () => {
    await clientThroughMiddle().create(QUESTION);
    const recorded = middle.seen.at(-1);
    const asked = upstream.seen.length;
    expect(recorded).toBeDefined();
    if (recorded === undefined) return;
    const answer = await sendOn(router.url, recorded);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body.toString('utf8'))).toMatchObject({ error: { code: 'replayed_request' } });
    expect(upstream.seen.length).toBe(asked);
  });

  test('who sends the bytes of a client without binding again is refused too', async () => {
    await clientThroughMiddle({ requestBinding: 'never' }).create(QUESTION);
    const recorded = middle.seen.at(-1);
    if (recorded === undefined) throw new Error('nothing passed');
    const answer = await sendOn(router.url, withSwappedKey(recorded));
    expect(JSON.parse(answer.body.toString('utf8'))).toMatchObject({ error: { code: 'replayed_request' } });
  });

  test('who shows a router key of their own is noticed by a client that pins', async () => {
    const body = Buffer.from(exportPublicKeyPem(attacker.publicKey));
    middle.attack({ onRequest: (message) => (isSealed(message) ? message : { status: 200, headers: {}, body }) });
    const client = clientThroughMiddle({ pinnedKeys: [router.fingerprint ?? ''] });
    const passed = middle.seen.length;
    expect(await codeOf(client.create(QUESTION))).toBe('key_mismatch');
    expect(middle.seen.length).toBe(passed);
  });

  test('who hides that the router understands bindings succeeds against auto, and not against always', async () => {
    let stolen: Buffer = Buffer.alloc(0);
    middle.attack({
      onRequest: withSwappedKey,
      onAnswer: (answer, message) => {
        if (isSealed(message)) stolen = answer.body;
        const { 'sotto-binding': _hidden, ...headers } = answer.headers;
        return { ...answer, headers };
      },
    });
    // What this wire cannot mend: on first contact `auto` has nobody to believe but the one in the middle.
    await codeOf(clientThroughMiddle().create(QUESTION));
    const opened = await openResponse(nodeCrypto, attacker.privateKey, stolen, null);
    expect(Buffer.from(opened.plaintext).toString('utf8')).toContain('echo: between us');

    expect(await codeOf(clientThroughMiddle({ requestBinding: 'always' }).create(QUESTION))).toBe('binding_mismatch');
  });
});
