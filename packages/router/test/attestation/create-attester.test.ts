import { computeReportData, encodeBundle, verifyBundle } from '@sotto/attestation';
import { serializeClaims } from '@sotto/protocol/key-statement';
import { describe, expect, test } from 'vitest';
import { attestationSchema } from '../../src/attestation/config.ts';
import { createAttester, endorsed } from '../../src/attestation/create-attester.ts';
import { insecureClaims, softwareEvidence } from './software-attester.ts';

const config = (value: unknown) => attestationSchema.parse(value);
const never = new AbortController().signal;

describe('the attester of a configuration', () => {
  test('is none by default', async () => {
    expect(await createAttester(config({}), {})).toBeNull();
  });

  test('makes software evidence that verifies, where that is meant', async () => {
    const attester = await createAttester(config({ attester: 'software', allowInsecure: true }), {});
    const claims = serializeClaims(insecureClaims(Math.floor(Date.now() / 1_000) * 1_000));
    const evidence = await attester?.attest(await computeReportData(claims), never);
    if (evidence === undefined) throw new Error('no evidence');
    const policy = { dangerouslyAllowSoftware: true };
    await expect(
      verifyBundle(encodeBundle({ v: 1, claims, evidence }), policy, { expectedOrigin: 'https://router.example' }),
    ).resolves.toMatchObject({ type: 'software', status: 'warning' });
  });

  test('is not software in production by one word alone', async () => {
    const made = createAttester(config({ attester: 'software', allowInsecure: true }), { NODE_ENV: 'production' });
    await expect(made).rejects.toMatchObject({ name: 'ConfigurationError', code: 'invalid_config' });
  });

  test('is a program that is given the report data, and whose evidence is of the kind that was said', async () => {
    const exec = { attester: 'exec', evidence: 'aws-nitro', command: [process.execPath, '-e', '{reportDataHex}'] };
    const attester = await createAttester(config(exec), {});
    expect(attester?.type).toBe('aws-nitro');
    await expect(attester?.attest(new Uint8Array(64), never)).rejects.toMatchObject({ name: 'AttestationError' });
  });

  test('is no program without a place for the report data', async () => {
    const exec = { attester: 'exec', evidence: 'aws-nitro', command: [process.execPath, '--version'] };
    await expect(createAttester(config(exec), {})).rejects.toMatchObject({ code: 'invalid_config' });
  });

  test('asks a cache of the vendor’s service only over https', async () => {
    const settings = { attester: 'software', allowInsecure: true, collateral: { kdsUrl: 'http://cache.example' } };
    await expect(createAttester(config(settings), {})).rejects.toMatchObject({ code: 'invalid_config' });
  });
});

test('evidence is completed before it is given out, and what completes it can be told to forget', async () => {
  const told: string[] = [];
  const attester = endorsed(
    { type: 'software', attest: async (reportData) => softwareEvidence(reportData) },
    {
      endorse: async (evidence) => {
        told.push('endorse');
        if (evidence.type !== 'software') throw new Error('other evidence');
        return evidence;
      },
      forget: () => void told.push('forget'),
    },
  );
  await expect(attester.attest(new Uint8Array(64), never)).resolves.toMatchObject({ type: 'software' });
  attester.forget?.();
  expect(told).toEqual(['endorse', 'forget']);
});
