import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { completion, json, type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type RunningRouter, startConfigured } from './sotto.ts';

const folder = scratchFolder();
let near: StandInUpstream;
let far: StandInUpstream;
let router: RunningRouter;

beforeAll(async () => {
  near = await startStandIn(['open-a', 'deep']);
  far = await startStandIn(['listed']);
  writeFileSync(join(folder, 'caller.key'), 'sotto_from_file\n');
  writeFileSync(join(folder, 'upstream.key'), 'far-secret\n');
  const config = {
    listen: '127.0.0.1:0',
    publicUrl: 'https://router.example',
    protocols: ['nomyo-v1', 'clear'],
    storage: 'memory:',
    auth: 'keys',
    keys: [
      { name: 'value', key: 'sotto_by_value' },
      { name: 'file', keyFile: join(folder, 'caller.key') },
      { name: 'environment', keyEnv: 'E2E_CALLER_KEY' },
      { name: 'narrow', key: 'sotto_narrow_key', models: ['open-*'], tiers: ['high'] },
      { name: 'few', key: 'sotto_few_key', limits: { requestsPerMinute: 50, requestsPerDay: 2 } },
    ],
    upstreams: [
      {
        name: 'near',
        type: 'openai',
        baseUrl: near.baseUrl,
        apiKeyEnv: 'E2E_UPSTREAM_KEY',
        tier: 'maximum',
        sameTee: true,
        models: ['open-a', 'deep'],
        weight: 2,
        maxConcurrent: 8,
        connectTimeoutMs: 1_000,
        timeoutMs: 400,
        idleTimeoutMs: 400,
      },
      { name: 'far', baseUrl: far.baseUrl, apiKeyFile: join(folder, 'upstream.key'), discover: true },
      { name: 'inside', type: 'builtin', models: ['sotto-tiny'], contextTokens: 256, threads: 1 },
    ],
    models: { deep: { defaultTier: 'high' } },
    aliases: { 'gpt-4': ['nowhere/x', 'near/open-a'] },
    limits: { bodyBytes: 4_096, headerBytes: 8_192, openStreams: 2, replayWindowSeconds: 60, answerBytes: 2_048 },
    shutdownGraceSeconds: 1,
    nomyoV1: { keyFile: inject('routerKey'), keyCopies: 1, queue: 4, keepAliveSeconds: 5 },
    attestation: { attester: 'none' },
  };
  router = await startConfigured(join(folder, 'sotto.json'), config, {
    environment: { E2E_CALLER_KEY: 'sotto_from_env', E2E_UPSTREAM_KEY: 'near-secret' },
  });
});
beforeEach(() =>
  near.behave((request, response) => json(completion('hi', String(request.body['model'])))(request, response)),
);
afterAll(async () => {
  await router.stop();
  await near.close();
  await far.close();
});

function ask(model: string, key = 'sotto_by_value', more: Record<string, unknown> = {}): Promise<Response> {
  return fetch(`${router.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }], ...more }),
  });
}

async function refusal(answer: Response | Promise<Response>): Promise<unknown> {
  const { status, ...rest } = { status: (await answer).status, body: (await (await answer).json()) as unknown };
  const { error } = rest.body as { error: { code: string } };
  return [status, error.code];
}

describe('a configuration', () => {
  test('names callers by value, by file and by environment', async () => {
    for (const key of ['sotto_by_value', 'sotto_from_file', 'sotto_from_env']) {
      expect((await ask('open-a', key)).status, key).toBe(200);
    }
    expect(await refusal(ask('open-a', 'sotto_somebody'))).toEqual([401, 'invalid_api_key']);
  });

  test('holds a key to its models, tiers and limits', async () => {
    expect(await refusal(ask('deep', 'sotto_narrow_key'))).toEqual([403, 'model_not_allowed']);
    expect(await refusal(ask('open-a', 'sotto_narrow_key'))).toEqual([403, 'tier_not_allowed']);
    const headers = { 'x-api-key': 'sotto_narrow_key' };
    const listed = (await (await fetch(`${router.url}/v1/models`, { headers })).json()) as { data: { id: string }[] };
    expect(listed.data.map(({ id }) => id)).toEqual(['open-a']);
    expect((await ask('open-a', 'sotto_few_key')).status).toBe(200);
    expect((await ask('open-a', 'sotto_few_key')).status).toBe(200);
    expect(await refusal(ask('open-a', 'sotto_few_key'))).toEqual([429, 'rate_limit_exceeded']);
  });

  test("gives each upstream its own key, and never the caller's", async () => {
    await ask('open-a');
    expect(near.seen.at(-1)?.headers.authorization).toBe('Bearer near-secret');
    expect((await ask('listed')).status).toBe(200);
    expect(far.seen.at(-1)?.headers.authorization).toBe('Bearer far-secret');
  });

  test('lists configured models, discovered ones, those of the process itself, and aliases', async () => {
    const headers = { 'x-api-key': 'sotto_by_value' };
    const listed = (await (await fetch(`${router.url}/v1/models`, { headers })).json()) as { data: { id: string }[] };
    expect(listed.data.map(({ id }) => id)).toEqual(['gpt-4', 'open-a', 'deep', 'listed', 'sotto-tiny']);
    expect((await ask('sotto-tiny', undefined, { max_tokens: 4 })).status).toBe(200);
  });

  test('sends an alias to the first target that there is', async () => {
    expect((await ask('gpt-4')).status).toBe(200);
    expect(near.seen.at(-1)?.body['model']).toBe('open-a');
  });

  test("takes a model's default tier for requests that name none", async () => {
    expect(await refusal(ask('deep'))).toEqual([403, 'sealed_request_required']);
    expect((await ask('deep', undefined, { security_tier: 'standard' })).status).toBe(200);
  });

  test('bounds bodies, header sections and answers', async () => {
    const long = 'x'.repeat(5_000);
    expect(await refusal(ask('open-a', undefined, { user: long }))).toEqual([413, 'payload_too_large']);
    const headers = { 'x-long': 'x'.repeat(9_000) };
    expect((await fetch(`${router.url}/health`, { headers })).status).toBe(431);
    near.behave(json(completion(long)));
    expect(await refusal(ask('open-a'))).toEqual([502, 'upstream_invalid_response']);
  });

  test('bounds how long an upstream may be silent', async () => {
    near.behave(() => {});
    expect(await refusal(ask('open-a'))).toEqual([504, 'upstream_timeout']);
  });

  test('bounds the requests under way', async () => {
    const waiting: (() => void)[] = [];
    const bothThere = new Promise<void>((resolve) => {
      near.behave((request, response) => {
        waiting.push(() => void json(completion('late'))(request, response));
        if (waiting.length === 2) resolve();
      });
    });
    const underWay = [ask('open-a'), ask('open-a')];
    await bothThere;
    expect(await refusal(ask('open-a'))).toEqual([503, 'overloaded']);
    for (const answer of waiting) answer();
    expect((await Promise.all(underWay)).map(({ status }) => status)).toEqual([200, 200]);
  });

  test('keeps the RSA key of its key file', async () => {
    const { createHash, createPublicKey } = await import('node:crypto');
    const shown = createPublicKey(await (await fetch(`${router.url}/pki/public_key`)).text());
    const spki = shown.export({ format: 'der', type: 'spki' });
    expect(createHash('sha256').update(spki).digest('hex')).toBe(router.fingerprint);
    expect(shown.asymmetricKeyDetails?.modulusLength).toBe(2_048);
  });
});

test('a router that speaks nomyo-v1 alone refuses requests in clear', async () => {
  const config = {
    auth: 'open',
    listen: '127.0.0.1:0',
    protocols: ['nomyo-v1'],
    nomyoV1: { keyFile: inject('routerKey') },
    upstreams: [{ name: 'near', baseUrl: near.baseUrl, models: ['open-a'] }],
  };
  const sealedOnly = await startConfigured(join(folder, 'sealed.json'), config);
  const answer = await fetch(`${sealedOnly.url}/v1/models`);
  expect(await refusal(answer)).toEqual([403, 'sealed_request_required']);
  await sealedOnly.stop();
});
