import { createPrivateKey, sign } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodeBase64Url } from '../../src/base64url.ts';
import {
  type KeyClaims,
  portableEd25519Verify,
  type StatementExpectations,
  type StatementSigner,
  serializeClaims,
  signerFingerprint,
  signStatement,
  verifyStatement,
} from '../../src/key-statement/index.ts';
import { nodeCrypto, nodeEd25519Verify } from '../../src/node/index.ts';
import { asyncErrorCode } from '../error-code.ts';
import { bytes } from '../hex.ts';

const NOW_MS = 1_800_000_000_000;

const CLAIMS: KeyClaims = {
  kid: '2027-01-15',
  keyConfigs: Uint8Array.of(1, 2, 3),
  origin: 'https://router.example',
  epoch: 7,
  issuedAt: NOW_MS / 1000 - 60,
  expiresAt: NOW_MS / 1000 + 3_600,
  minProtocol: 'ohttp',
  rsaKeySha256: 'ab'.repeat(32),
  ehbpKey: new Uint8Array(32).fill(9),
  software: { name: 'sotto', version: '0.1.0' },
};

/** RFC 8032 §7.1, TEST 1 and TEST 2. */
const FIRST = signer(
  '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
  'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
);
const SECOND = signer(
  '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
  '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
);

function signer(seed: string, publicKey: string): StatementSigner {
  const der = bytes(`302e020100300506032b657004220420${seed}`);
  const key = createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' });
  return { publicKey: bytes(publicKey), sign: (message) => sign(null, message, key) };
}

let expected: StatementExpectations;

beforeAll(async () => {
  expected = {
    pinnedSigners: new Set([await signerFingerprint(nodeCrypto, FIRST.publicKey)]),
    origin: 'https://router.example',
    leastEpoch: null,
    nowMs: NOW_MS,
    clockSkewMs: 60_000,
  };
});

async function outcome(statement: string, changes: Partial<StatementExpectations> = {}): Promise<string> {
  return asyncErrorCode(() => verifyStatement(nodeCrypto, nodeEd25519Verify, statement, { ...expected, ...changes }));
}

/** A statement whose outer members are changed after it was signed. */
async function bent(change: (members: Record<string, unknown>) => Record<string, unknown>): Promise<string> {
  return JSON.stringify(change(JSON.parse(await signStatement(CLAIMS, [FIRST])) as Record<string, unknown>));
}

describe('verifyStatement', () => {
  test.each([
    ['node', nodeEd25519Verify],
    ['portable', portableEd25519Verify],
  ])('gives the claims back that a pinned identity signed (%s)', async (_, verify) => {
    const statement = await signStatement(CLAIMS, [FIRST]);
    await expect(verifyStatement(nodeCrypto, verify, statement, expected)).resolves.toEqual(CLAIMS);
  });

  test('gives back what only some routers state', async () => {
    const stated: KeyClaims = {
      ...CLAIMS,
      software: { name: 'sotto', version: '0.1.0', commit: 'abc', imageDigest: 'sha256:def' },
      tlsSpkiSha256: 'ab'.repeat(32),
      upstreamPolicySha256: 'cd'.repeat(32),
      receiptKey: new Uint8Array(32).fill(7),
      insecure: true,
    };
    const statement = await signStatement(stated, [FIRST]);
    await expect(verifyStatement(nodeCrypto, nodeEd25519Verify, statement, expected)).resolves.toEqual(stated);
  });

  test('a pin is the SHA-256 of the raw public key', async () => {
    expect(await signerFingerprint(nodeCrypto, FIRST.publicKey)).toBe(
      '21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9',
    );
  });

  test('one pinned signature among several is enough, so that identities can take over', async () => {
    expect(await outcome(await signStatement(CLAIMS, [SECOND, FIRST]))).toBe('decoded');
  });

  test('refuses a statement that only others have signed', async () => {
    expect(await outcome(await signStatement(CLAIMS, [SECOND]))).toBe('untrusted_signer');
    expect(await outcome(await signStatement(CLAIMS, []))).toBe('untrusted_signer');
  });

  test('refuses a pinned signature that does not verify, even beside one that does', async () => {
    const otherClaims = { ...CLAIMS, epoch: 8 };
    const forged: StatementSigner = { publicKey: FIRST.publicKey, sign: SECOND.sign };
    expect(await outcome(await signStatement(otherClaims, [forged]))).toBe('invalid_key_statement');
    expect(await outcome(await signStatement(otherClaims, [FIRST, forged]))).toBe('invalid_key_statement');
  });

  test('refuses claims that were changed after they were signed', async () => {
    const changed = encodeBase64Url(serializeClaims({ ...CLAIMS, epoch: 8 }));
    expect(await outcome(await bent((members) => ({ ...members, claims: changed })))).toBe('invalid_key_statement');
  });

  test('refuses a signature over the bare claims: the context keeps other uses of the key apart', async () => {
    const signature = encodeBase64Url(await FIRST.sign(serializeClaims(CLAIMS)));
    const signatures = [{ publicKey: encodeBase64Url(FIRST.publicKey), signature }];
    expect(await outcome(await bent((members) => ({ ...members, signatures })))).toBe('invalid_key_statement');
  });

  test('refuses a statement for another origin, and takes one that names none', async () => {
    const statement = await signStatement(CLAIMS, [FIRST]);
    expect(await outcome(statement, { origin: 'https://other.example' })).toBe('audience_mismatch');
    const forAny = await signStatement({ ...CLAIMS, origin: null }, [FIRST]);
    expect(await outcome(forAny, { origin: 'https://other.example' })).toBe('decoded');
  });

  test('allows the clocks to be as far apart as was said, and no further', async () => {
    const statement = await signStatement(CLAIMS, [FIRST]);
    const end = CLAIMS.expiresAt * 1000 + 60_000;
    const start = CLAIMS.issuedAt * 1000 - 60_000;
    expect(await outcome(statement, { nowMs: end })).toBe('decoded');
    expect(await outcome(statement, { nowMs: end + 1 })).toBe('key_statement_expired');
    expect(await outcome(statement, { nowMs: start })).toBe('decoded');
    expect(await outcome(statement, { nowMs: start - 1 })).toBe('key_statement_expired');
  });

  test('refuses an epoch below the highest that was seen', async () => {
    const statement = await signStatement(CLAIMS, [FIRST]);
    expect(await outcome(statement, { leastEpoch: 7 })).toBe('decoded');
    expect(await outcome(statement, { leastEpoch: 8 })).toBe('key_statement_rollback');
  });

  test.each([
    ['not JSON', async () => 'statement'],
    ['a list', async () => '[]'],
    ['another version', () => bent((members) => ({ ...members, v: 2 }))],
    ['claims that are no base64url', () => bent((members) => ({ ...members, claims: '+/==' }))],
    ['signatures that are no list', () => bent((members) => ({ ...members, signatures: {} }))],
    [
      'a short public key',
      () => bent((members) => ({ ...members, signatures: [{ publicKey: 'AA', signature: 'AA' }] })),
    ],
    ['five signatures', () => signStatement(CLAIMS, [FIRST, FIRST, FIRST, FIRST, FIRST])],
    ['more bytes than a statement has', async () => `"${'a'.repeat(262_144)}"`],
  ])('refuses %s', async (_, statement) => {
    expect(await outcome(await statement())).toBe('invalid_key_statement');
  });

  test.each([
    ['a negative epoch', { epoch: -1 }],
    ['a time that is no whole number', { expiresAt: 1.5 }],
    ['a fingerprint in upper case', { rsaKeySha256: 'AB'.repeat(32) }],
    ['a short ehbp key', { ehbpKey: new Uint8Array(31) }],
  ])('refuses signed claims with %s', async (_, change) => {
    expect(await outcome(await signStatement({ ...CLAIMS, ...change }, [FIRST]))).toBe('invalid_key_statement');
  });
});
