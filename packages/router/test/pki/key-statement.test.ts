import { createHash } from 'node:crypto';
import { type KeyClaims, type StatementExpectations, verifyStatement } from '@sotto/protocol/key-statement';
import { nodeCrypto, nodeEd25519Verify } from '@sotto/protocol/node';
import { OHTTP_GATEWAY_PATH } from '@sotto/protocol/ohttp';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createRouter, type Router, type RouterConfigInput } from '../../src/index.ts';
import { generateSigningIdentity } from '../../src/pki/signing-identity.ts';
import { testRouter } from '../running-router.ts';

const NOW = 1_800_000_000_000;
const UPSTREAMS: RouterConfigInput['upstreams'] = [{ name: 'u', baseUrl: 'http://127.0.0.1:9/v1', models: ['m'] }];

beforeEach(() => {
  // Only the clock: timers go on, or no request would.
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
});
afterEach(() => void vi.useRealTimers());

function start(config: Partial<RouterConfigInput> = {}): Promise<Router> {
  return testRouter({ upstreams: UPSTREAMS, publicUrl: 'https://router.example/path', ...config });
}

async function statementOf(router: Router): Promise<string> {
  const answer = await router.fetch(new Request('http://router.test/pki/keys'));
  expect(answer.status).toBe(200);
  return answer.text();
}

async function verified(router: Router, changes: Partial<StatementExpectations> = {}): Promise<KeyClaims> {
  const expected = {
    pinnedSigners: new Set([router.signerFingerprint]),
    origin: 'https://router.example',
    leastEpoch: null,
    nowMs: Date.now(),
    clockSkewMs: 0,
    ...changes,
  };
  return verifyStatement(nodeCrypto, nodeEd25519Verify, await statementOf(router), expected);
}

const fetched = async (router: Router, path: string): Promise<Buffer> =>
  Buffer.from(await (await router.fetch(new Request(`http://router.test${path}`))).arrayBuffer());

describe('the key statement', () => {
  test('says of every key what is served of it', async () => {
    const router = await start();
    const claims = await verified(router);
    expect(Buffer.from(claims.keyConfigs)).toEqual(await fetched(router, OHTTP_GATEWAY_PATH));
    expect(Buffer.from(claims.ehbpKey ?? [])).toEqual(
      (await fetched(router, '/.well-known/hpke-keys')).subarray(3, 35),
    );
    const pem = (await fetched(router, '/pki/public_key')).toString();
    const spki = Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ''), 'base64');
    expect(claims.rsaKeySha256).toBe(createHash('sha256').update(spki).digest('hex'));
    expect(claims).toMatchObject({
      origin: 'https://router.example',
      epoch: NOW / 1000,
      issuedAt: NOW / 1000,
      expiresAt: NOW / 1000 + 86_400 + 3_600,
      minProtocol: 'clear',
      software: { name: '@sotto/router' },
    });
  });

  test.each([
    [['ohttp'], { minProtocol: 'ohttp', rsaKeySha256: null, ehbpKey: null }],
    [['ohttp', 'ehbp'], { minProtocol: 'ehbp', rsaKeySha256: null }],
    [['nomyo-v1', 'ohttp'], { minProtocol: 'nomyo-v1', ehbpKey: null }],
    [['clear', 'ohttp', 'nomyo-v1'], { minProtocol: 'clear' }],
    [['ehbp'], { minProtocol: 'ehbp', keyConfigs: new Uint8Array(0) }],
  ] as const)('of a router that speaks %j names the least of it', async (protocols, claims) => {
    expect(await verified(await start({ protocols: [...protocols] }))).toMatchObject(claims);
  });

  test('names no origin where its operator has not', async () => {
    const router = await testRouter({ upstreams: UPSTREAMS, protocols: ['ohttp'] });
    expect((await verified(router, { origin: 'https://any.example' })).origin).toBeNull();
  });

  test('names the keys anew when they rotate, under a higher epoch', async () => {
    const router = await start({ protocols: ['ohttp', 'ehbp'] });
    const before = await verified(router);
    expect(await statementOf(router)).toBe(await statementOf(router));
    await router.rotateKeys();
    const after = await verified(router, { leastEpoch: before.epoch + 1 });
    expect(after.kid).not.toBe(before.kid);
    expect(after.ehbpKey).not.toEqual(before.ehbpKey);
    // Newest first, and what was there before goes on behind it.
    expect(Buffer.from(after.keyConfigs).subarray(-before.keyConfigs.length)).toEqual(Buffer.from(before.keyConfigs));
    expect(after.keyConfigs.length).toBe(2 * before.keyConfigs.length);
  });

  test('no longer names a key that has been destroyed', async () => {
    const router = await start({ protocols: ['ohttp'], ohttp: { overlapSeconds: 60 } });
    await router.rotateKeys();
    const during = await verified(router);
    vi.setSystemTime(NOW + 60_000);
    const after = await verified(router);
    expect(after.keyConfigs.length).toBe(during.keyConfigs.length / 2);
    expect(after.kid).not.toBe(during.kid);
    expect(after.epoch).toBe(during.epoch);
  });

  test('may be kept a little, and has a name for its version', async () => {
    const router = await start({ protocols: ['ohttp'] });
    const answer = await router.fetch(new Request('http://router.test/pki/keys'));
    const etag = answer.headers.get('etag') ?? '';
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'public, max-age=300',
      etag: expect.stringMatching(/^"[\w-]{43}"$/) as string,
    });
    const unchanged = await router.fetch(
      new Request('http://router.test/pki/keys', { headers: { 'if-none-match': etag } }),
    );
    expect([unchanged.status, unchanged.headers.get('etag'), await unchanged.text()]).toEqual([304, etag, '']);
  });

  test('is signed by the identity that was configured, from start to start', async () => {
    const identityPem = generateSigningIdentity();
    const [one, other] = await Promise.all(
      [1, 2].map(() => createRouter({ auth: 'open', protocols: ['ohttp'], upstreams: UPSTREAMS }, { identityPem })),
    );
    if (one === undefined || other === undefined) throw new Error('two routers were made');
    expect(one.signerFingerprint).toBe(other.signerFingerprint);
    await verified(other, { pinnedSigners: new Set([one.signerFingerprint]) });
    await Promise.all([one.close(), other.close()]);
  });
});

describe('a statement is refused', () => {
  test.each<[string, string, Partial<StatementExpectations>]>([
    ['that is for another origin', 'audience_mismatch', { origin: 'https://evil.example' }],
    ['that has expired', 'key_statement_expired', { nowMs: NOW + 90_000_000 + 1 }],
    ['that is not valid yet', 'key_statement_expired', { nowMs: NOW - 1 }],
    ['of an epoch below the highest seen', 'key_statement_rollback', { leastEpoch: NOW / 1000 + 1 }],
    ['by another signer', 'untrusted_signer', { pinnedSigners: new Set(['0'.repeat(64)]) }],
    ['when no signer is pinned', 'untrusted_signer', { pinnedSigners: new Set() }],
  ])('%s', async (_what, code, changes) => {
    const router = await start({ protocols: ['ohttp'] });
    await expect(verified(router, changes)).rejects.toMatchObject({ code });
  });

  test('of a router that started anew without an identity of its own', async () => {
    const [before, after] = [await start({ protocols: ['ohttp'] }), await start({ protocols: ['ohttp'] })];
    const pinnedSigners = new Set([before.signerFingerprint]);
    await expect(verified(after, { pinnedSigners })).rejects.toMatchObject({ code: 'untrusted_signer' });
  });
});
