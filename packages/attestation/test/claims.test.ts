import { encodeUtf8 } from '@sotto/protocol';
import { type KeyClaims, serializeClaims } from '@sotto/protocol/key-statement';
import { describe, expect, it } from 'vitest';
import { encodeBase64Url } from '../src/base64url.ts';
import { parseClaims } from '../src/claims.ts';
import { codeOf } from './expect-failure.ts';

const DIGEST = 'ab'.repeat(32);
const CLAIMS = {
  v: 1,
  kid: 'k1',
  keyConfig: encodeBase64Url(new Uint8Array(40).fill(1)),
  aud: 'https://router.example',
  epoch: 7,
  iat: 100,
  exp: 200,
  minProtocol: 'ohttp',
  rsaKeySha256: null,
  ehbpKey: null,
  software: { name: 'sotto-router', version: '1', commit: 'abc' },
};
const claims = (value: unknown) => parseClaims(encodeUtf8(JSON.stringify(value)));

describe('parseClaims', () => {
  it('reads what a router signs, to the last member', () => {
    const stated: KeyClaims = {
      kid: 'k1',
      keyConfigs: new Uint8Array(40).fill(1),
      origin: 'https://router.example',
      epoch: 7,
      issuedAt: 100,
      expiresAt: 200,
      minProtocol: 'nomyo-v1',
      rsaKeySha256: DIGEST,
      ehbpKey: new Uint8Array(32).fill(2),
      software: { name: 'sotto', version: '1', commit: 'abc', imageDigest: 'sha256:def' },
      tlsSpkiSha256: DIGEST,
      upstreamPolicySha256: DIGEST,
      receiptKey: new Uint8Array(32).fill(3),
      insecure: true,
    };
    expect(parseClaims(serializeClaims(stated))).toEqual(stated);
  });

  it('passes over members that a later router may add', () => {
    expect(claims({ ...CLAIMS, later: { more: 1 } })).toEqual(claims(CLAIMS));
  });

  it.each([
    ['another version', { ...CLAIMS, v: 2 }],
    ['no router', { ...CLAIMS, aud: null }],
    ['an empty name of a router', { ...CLAIMS, aud: '' }],
    ['no key at all', { ...CLAIMS, keyConfig: '' }],
    ['no word of its keys', { ...CLAIMS, keyConfig: undefined }],
    ['no epoch', { ...CLAIMS, epoch: undefined }],
    ['a time that is text', { ...CLAIMS, iat: '100' }],
    ['a time with a fraction', { ...CLAIMS, exp: 200.5 }],
    ['a negative time', { ...CLAIMS, iat: -1 }],
    ['an end before its beginning', { ...CLAIMS, exp: 100 }],
    ['a short hash', { ...CLAIMS, tlsSpkiSha256: 'ab' }],
    ['a hash in upper case', { ...CLAIMS, upstreamPolicySha256: DIGEST.toUpperCase() }],
    ['a receipt key that is null', { ...CLAIMS, receiptKey: null }],
    ['no software', { ...CLAIMS, software: undefined }],
  ])('refuses claims with %s', async (_, value) => {
    expect(await codeOf(() => claims(value))).toBe('AttestationError claims_invalid');
  });

  it('takes claims of one key of any protocol', () => {
    const none = { ...CLAIMS, keyConfig: '' };
    expect(claims({ ...none, rsaKeySha256: DIGEST }).rsaKeySha256).toBe(DIGEST);
    expect(claims({ ...none, ehbpKey: encodeBase64Url(new Uint8Array(32)) }).ehbpKey).toHaveLength(32);
  });

  it('refuses what is no JSON, no UTF-8, or too long', async () => {
    for (const received of [encodeUtf8('{'), Uint8Array.of(0xff), new Uint8Array(131_073).fill(0x20)]) {
      expect(await codeOf(() => parseClaims(received))).toBe('AttestationError claims_invalid');
    }
  });
});
