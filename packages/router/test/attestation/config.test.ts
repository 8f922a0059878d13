import { describe, expect, test } from 'vitest';
import { type AttestationConfig, attestationSchema, checkAttestedConfig } from '../../src/attestation/config.ts';

const paths = (value: unknown): readonly string[] =>
  attestationSchema.safeParse(value).error?.issues.map(({ path }) => path.join('.')) ?? [];

describe('the configuration of attestation', () => {
  test('is none unless told', () => {
    expect(attestationSchema.parse({})).toEqual({
      attester: 'none',
      allowInsecure: false,
      timeoutSeconds: 90,
      collateral: { skipAmdCrl: false },
      software: {},
    });
  });

  test.each<[string, unknown, readonly string[]]>([
    ['software without the word that it is meant', { attester: 'software' }, ['allowInsecure']],
    ['that word of hardware', { attester: 'auto', allowInsecure: true }, ['allowInsecure']],
    ['a program without its name', { attester: 'exec', evidence: 'aws-nitro' }, ['command']],
    ['a program without arguments', { attester: 'exec', evidence: 'aws-nitro', command: ['nsm'] }, ['command']],
    ['a program of unknown evidence', { attester: 'exec', command: ['nsm', '{reportDataHex}'] }, ['evidence']],
    ['a program that nobody runs', { attester: 'auto', command: ['nsm', '{reportDataHex}'] }, ['command']],
    ['software evidence of a program', { attester: 'exec', command: ['a', 'b'], evidence: 'software' }, ['evidence']],
    ['an attester that nobody knows', { attester: 'tpm' }, ['attester']],
    ['a cache at no address', { collateral: { kdsUrl: 'ftp://cache.example' } }, ['collateral.kdsUrl']],
    ['a processor family that nobody knows', { collateral: { sevProduct: 'Rome' } }, ['collateral.sevProduct']],
    ['half a commit', { software: { commit: 'b0d7d35' } }, ['software.commit']],
    ['a commit in capitals', { software: { commit: 'B'.repeat(40) } }, ['software.commit']],
    ['a digest without its algorithm', { software: { imageDigest: 'ab'.repeat(32) } }, ['software.imageDigest']],
    ['more than is known of software', { software: { name: 'mine' } }, ['software']],
    ['a key that is misspelt', { attestor: 'auto' }, ['']],
  ])('refuses %s', (_, value, expected) => {
    expect(paths(value)).toEqual(expected);
  });

  test.each([
    { attester: 'auto', refreshSeconds: 3_600 },
    { attester: 'software', allowInsecure: true },
    { collateral: { sevProduct: 'Turin', skipAmdCrl: true } },
    { software: { commit: 'ab'.repeat(20) } },
    { software: { commit: 'ab'.repeat(32), imageDigest: `sha256:${'ab'.repeat(32)}` } },
    { attester: 'exec', evidence: 'aws-nitro', command: ['/usr/bin/nsm', '{reportDataHex}', '{nonceHex}'] },
  ])('takes %j', (value) => {
    expect(paths(value)).toEqual([]);
  });
});

describe('a configuration with an attester', () => {
  const issues = (attester: AttestationConfig['attester'], publicUrl: string | undefined, rotationSeconds: number) => {
    const found: string[] = [];
    checkAttestedConfig({ attestation: { attester }, publicUrl, ohttp: { rotationSeconds } }, (path) =>
      found.push(path.join('.')),
    );
    return found;
  };

  test('names its origin, and keeps no key for longer than clients take evidence of it', () => {
    expect(issues('auto', undefined, 86_401)).toEqual(['publicUrl', 'ohttp.rotationSeconds']);
    expect(issues('auto', 'https://router.example', 86_400)).toEqual([]);
    expect(issues('none', undefined, 86_401)).toEqual([]);
  });
});
