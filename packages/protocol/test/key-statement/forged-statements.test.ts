import { generateKeyPairSync, sign } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodeBase64Url } from '../../src/base64url.ts';
import {
  type KeyClaims,
  parseClaims,
  type StatementExpectations,
  type StatementSigner,
  serializeClaims,
  signerFingerprint,
  signStatement,
  verifyStatement,
} from '../../src/key-statement/index.ts';
import { nodeCrypto, nodeEd25519Verify } from '../../src/node/index.ts';
import { asyncErrorCode, errorCode } from '../error-code.ts';

const NOW_MS = 1_800_000_000_000;
const CLAIMS: KeyClaims = {
  kid: '00112233',
  keyConfigs: Uint8Array.of(1, 2, 3, 4),
  origin: 'https://router.example',
  epoch: 7,
  issuedAt: NOW_MS / 1000 - 60,
  expiresAt: NOW_MS / 1000 + 3_600,
  minProtocol: 'ohttp',
  rsaKeySha256: null,
  ehbpKey: null,
  software: { name: 'sotto', version: '0.1.0' },
};

function makeSigner(): StatementSigner {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  return { publicKey: raw, sign: (message) => sign(null, message, privateKey) };
}

const SIGNER = makeSigner();
const OTHER = makeSigner();
let expected: StatementExpectations;

beforeAll(async () => {
  expected = {
    pinnedSigners: new Set([await signerFingerprint(nodeCrypto, SIGNER.publicKey)]),
    origin: 'https://router.example',
    leastEpoch: null,
    nowMs: NOW_MS,
    clockSkewMs: 0,
  };
});

const outcome = (statement: string): Promise<string> =>
  asyncErrorCode(() => verifyStatement(nodeCrypto, nodeEd25519Verify, statement, expected));

/** A statement over claims of any bytes, correctly signed. */
async function over(claimsBytes: Uint8Array): Promise<string> {
  const message = Buffer.concat([Buffer.from('sotto/key-statement/v1\0'), claimsBytes]);
  const signature = encodeBase64Url(await SIGNER.sign(message));
  const signatures = [{ publicKey: encodeBase64Url(SIGNER.publicKey), signature }];
  return JSON.stringify({ v: 1, claims: encodeBase64Url(claimsBytes), signatures });
}

/** Claims of which members were changed before they were signed; undefined takes one out. */
function bentClaims(change: Readonly<Record<string, unknown>>): Uint8Array {
  const members = JSON.parse(Buffer.from(serializeClaims(CLAIMS)).toString()) as Record<string, unknown>;
  return Buffer.from(JSON.stringify({ ...members, ...change }));
}

describe('a signed statement', () => {
  test('is refused whichever bit of it is flipped', async () => {
    const statement = Buffer.from(await signStatement(CLAIMS, [SIGNER]));
    expect(await outcome(statement.toString())).toBe('decoded');
    const codes = new Set<string>();
    for (let index = 0; index < statement.length; index++) {
      for (let bit = 0; bit < 7; bit++) {
        const flipped = Buffer.from(statement);
        flipped[index] = (flipped[index] ?? 0) ^ (1 << bit);
        const code = await outcome(flipped.toString('latin1'));
        expect(code, `byte ${index}, bit ${bit}`).not.toBe('decoded');
        codes.add(code);
      }
    }
    // One that names another signer is untrusted; everything else is no statement at all.
    expect([...codes].sort()).toEqual(['invalid_key_statement', 'untrusted_signer']);
  });

  test('is refused wherever it is cut off', async () => {
    const statement = await signStatement(CLAIMS, [SIGNER]);
    for (let length = 0; length < statement.length; length++) {
      expect(await outcome(statement.slice(0, length)), `${length} characters`).toBe('invalid_key_statement');
    }
  });

  test('may have four signatures and no more, whoever made them', async () => {
    expect(await outcome(await signStatement(CLAIMS, [OTHER, OTHER, OTHER, SIGNER]))).toBe('decoded');
    expect(await outcome(await signStatement(CLAIMS, [OTHER, OTHER, OTHER, OTHER, SIGNER]))).toBe(
      'invalid_key_statement',
    );
  });

  test('is refused when a pinned key is named over what another key signed', async () => {
    const named: StatementSigner = { publicKey: SIGNER.publicKey, sign: OTHER.sign };
    expect(await outcome(await signStatement(CLAIMS, [named]))).toBe('invalid_key_statement');
  });

  test('is refused with values in standard base64, padded, or with characters between them', async () => {
    const members = JSON.parse(await signStatement(CLAIMS, [SIGNER])) as {
      claims: string;
      signatures: { publicKey: string; signature: string }[];
    };
    const [signature] = members.signatures;
    for (const bend of [(text: string) => `${text}=`, (text: string) => `${text} `, (text: string) => `${text}\n`]) {
      expect(await outcome(JSON.stringify({ ...members, claims: bend(members.claims) }))).toBe('invalid_key_statement');
      const signatures = [{ ...signature, signature: bend(signature?.signature ?? '') }];
      expect(await outcome(JSON.stringify({ ...members, signatures }))).toBe('invalid_key_statement');
    }
  });

  test('tells the first thing that is wrong: the signature before the claims', async () => {
    const wrong = { ...CLAIMS, origin: 'https://evil.example', epoch: 0, expiresAt: 0 };
    expect(await outcome(await signStatement(wrong, [OTHER]))).toBe('untrusted_signer');
    expect(await outcome(await signStatement(wrong, [SIGNER]))).toBe('audience_mismatch');
  });

  test('is taken up to its longest, and not a character further', async () => {
    const filling = (length: number): Promise<string> => over(bentClaims({ filling: 'x'.repeat(length) }));
    const { length: least } = bentClaims({ filling: '' });
    expect(await outcome(await filling(131_072 - least))).toBe('decoded');
    expect(await outcome(await filling(131_072 - least + 1))).toBe('invalid_key_statement');
    const statement = await signStatement(CLAIMS, [SIGNER]);
    expect(await outcome(statement.padEnd(262_144, ' '))).toBe('decoded');
    expect(await outcome(statement.padEnd(262_145, ' '))).toBe('invalid_key_statement');
  });
});

describe('claims are refused, though they be signed,', () => {
  test.each<[string, Record<string, unknown>]>([
    ['of another version', { v: 2 }],
    ['of a version in words', { v: '1' }],
    ['without a kid', { kid: undefined }],
    ['with a kid that is a number', { kid: 7 }],
    ['without keys', { keyConfig: undefined }],
    ['with keys that are no base64url', { keyConfig: 'AB+/' }],
    ['without an origin, not even null', { aud: undefined }],
    ['with a list of origins', { aud: ['https://router.example'] }],
    ['without an epoch', { epoch: undefined }],
    ['with an epoch in words', { epoch: '7' }],
    ['with an epoch beyond what is counted exactly', { epoch: 2 ** 53 }],
    ['without a beginning', { iat: undefined }],
    ['with a beginning before time', { iat: -1 }],
    ['without an end', { exp: undefined }],
    ['with an end that is null', { exp: null }],
    ['with a protocol nobody knows', { minProtocol: 'telnet' }],
    ['without a least protocol', { minProtocol: undefined }],
    ['with a fingerprint that is short', { rsaKeySha256: 'ab' }],
    ['without a fingerprint, not even null', { rsaKeySha256: undefined }],
    ['with an ehbp key that is short', { ehbpKey: 'AA' }],
    ['without an ehbp key, not even null', { ehbpKey: undefined }],
    ['without software', { software: undefined }],
    ['with software that has no version', { software: { name: 'sotto' } }],
    ['with software of an empty commit', { software: { name: 'sotto', version: '1', commit: '' } }],
    ['with a kid that is empty', { kid: '' }],
    ['with a kid that is long', { kid: 'k'.repeat(257) }],
    ['with a TLS key that is null', { tlsSpkiSha256: null }],
    ['with a TLS key in upper case', { tlsSpkiSha256: 'AB'.repeat(32) }],
    ['with a policy that is short', { upstreamPolicySha256: 'ab' }],
    ['with a receipt key that is short', { receiptKey: 'AA' }],
    ['that deny being insecure', { insecure: false }],
  ])('%s', async (_what, change) => {
    expect(await outcome(await over(bentClaims(change)))).toBe('invalid_key_statement');
  });

  test.each([
    ['that are no JSON', Buffer.from('{"v":1')],
    ['that are a list', Buffer.from('[1]')],
    ['that are null', Buffer.from('null')],
    ['that are nothing', Buffer.alloc(0)],
    ['that are no UTF-8', Buffer.from('{"v":1,"kid":"\xff"}', 'latin1')],
  ])('%s', async (_what, bytes) => {
    expect(await outcome(await over(bytes))).toBe('invalid_key_statement');
    expect(errorCode(() => parseClaims(bytes))).toBe('invalid_key_statement');
  });

  test('but not for members that a later version may add', async () => {
    expect(await outcome(await over(bentClaims({ padding: 'padme' })))).toBe('decoded');
  });
});
