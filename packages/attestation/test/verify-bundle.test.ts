import { AttestationError, encodeUtf8, PolicyError } from '@sotto/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeBase64Url } from '../src/base64url.ts';
import { EVIDENCE_TYPES, type Evidence, type EvidenceType } from '../src/bundle.ts';
import { encodeBundle } from '../src/bundle-encoding.ts';
import type { AttestationPolicyInput } from '../src/policy/policy.ts';
import {
  createSyntheticBundle,
  createSyntheticBundleText,
  createSyntheticPlatforms,
  type SyntheticBundleInput,
  type SyntheticPlatforms,
} from '../src/testing/synthetic-router.ts';
import { type VerifyBundleOptions, verifyBundle } from '../src/verify-bundle.ts';
import { codeOf, failureOf } from './expect-failure.ts';
import { seeded } from './seeded.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const SECONDS = NOW.getTime() / 1_000;
const ORIGIN = 'https://router.example';
const KEY_CONFIG = new Uint8Array(41).fill(7);
const NONCE = new Uint8Array(32).fill(0xab);
const POLICY = {
  platforms: [
    { type: 'sev-snp', measurements: ['5a'.repeat(48)] },
    { type: 'tdx', mrTd: ['7d'.repeat(48)], rtmr: { 1: ['a1'.repeat(48)], 2: ['a2'.repeat(48)] } },
    { type: 'dstack-tdx', dangerouslyAcceptAnyMeasurement: true, composeHashes: ['cc'.repeat(32)] },
    { type: 'aws-nitro', pcrs: { 0: ['e0'.repeat(48)] } },
  ],
  dangerouslyAllowSoftware: true,
} as const satisfies { platforms: readonly unknown[]; dangerouslyAllowSoftware: boolean };
const policy = (members: AttestationPolicyInput = {}): AttestationPolicyInput => ({
  ...POLICY,
  platforms: structuredClone(POLICY.platforms) as unknown as NonNullable<AttestationPolicyInput['platforms']>,
  ...members,
});
let platforms: SyntheticPlatforms;

beforeAll(async () => {
  platforms = await createSyntheticPlatforms(NOW);
}, 60_000);

const input = (members: Partial<SyntheticBundleInput> = {}): SyntheticBundleInput => ({
  platforms,
  type: 'sev-snp',
  keyConfig: KEY_CONFIG,
  origin: ORIGIN,
  now: NOW,
  ...members,
});
const bundle = (members?: Partial<SyntheticBundleInput>) => createSyntheticBundleText(input(members));
const verify = (
  received: string | Uint8Array,
  options: Partial<VerifyBundleOptions> = {},
  members?: AttestationPolicyInput,
) => verifyBundle(received, policy(members), { expectedOrigin: ORIGIN, now: NOW, roots: platforms.roots, ...options });

describe('verifyBundle', () => {
  it.each(EVIDENCE_TYPES)('accepts a static bundle of %s, and says what it proves', async (type) => {
    const result = await verify(await bundle({ type }), { expectedKeyConfigs: KEY_CONFIG, expectedKid: 'k1' });
    expect(result).toMatchObject({ type, kid: 'k1', keyConfigs: KEY_CONFIG, claims: { origin: ORIGIN } });
    expect(result.steps.map(({ name }) => name)).toEqual(['schema', 'type', 'binding', 'crypto', 'policy', 'claims']);
    expect(result.status).toBe(type === 'software' || type === 'dstack-tdx' ? 'warning' : 'affirming');
    expect(result.verifiedAt).toEqual(NOW);
    expect(result.validUntil.getTime()).toBe((SECONDS + 86_400) * 1_000);
  });

  it.each(EVIDENCE_TYPES)('accepts a bundle of %s that answers the challenge', async (type) => {
    const members = { freshness: 'nonce', maxAgeSeconds: 300 } as const;
    const result = await verify(await bundle({ type, nonce: NONCE }), { nonce: NONCE }, members);
    expect(result.validUntil.getTime()).toBe(NOW.getTime() + 300_000);
  });

  it('takes the bytes as they came off the wire', async () => {
    await expect(verify(encodeUtf8(await bundle()))).resolves.toMatchObject({
      measurements: { measurement: '5a'.repeat(48) },
    });
  });

  it('is against the vendors\u2019 roots unless told', async () => {
    const { roots: _, ...options } = { expectedOrigin: ORIGIN, now: NOW, roots: undefined };
    expect(await codeOf(verifyBundle(await bundle(), policy(), options))).toBe('AttestationError chain_untrusted');
  });

  it('judges by the clock unless told, and so refuses certificates of another time', async () => {
    const past = await createSyntheticPlatforms(new Date('2020-01-01T00:00:00Z'));
    const received = await bundle({ platforms: past, now: new Date() });
    const outcome = verifyBundle(received, policy(), { expectedOrigin: ORIGIN, roots: past.roots });
    expect(await codeOf(outcome)).toBe('AttestationError cert_expired');
  });

  it('refuses an empty policy before it reads anything', async () => {
    expect(await codeOf(verify('', {}, { platforms: [], dangerouslyAllowSoftware: false }))).toBe(
      'ConfigurationError policy_empty',
    );
  });

  it('refuses a bundle that is missing or malformed', async () => {
    expect(await codeOf(verify(''))).toBe('AttestationError evidence_missing');
    expect(await codeOf(verify('<html>'))).toBe('AttestationError evidence_malformed');
    const unknown = (await bundle()).replace('"sev-snp"', '"sev-snp-next"');
    expect(await codeOf(verify(unknown))).toBe('AttestationError type_unsupported');
  });

  it('refuses a kind that the policy does not list, before its cryptography', async () => {
    const only = { platforms: policy().platforms?.slice(1) ?? [], dangerouslyAllowSoftware: false };
    expect(await codeOf(verify(await bundle(), {}, only))).toBe('PolicyError type_not_allowed');
    expect(await codeOf(verify(await bundle({ type: 'software' }), {}, only))).toBe('PolicyError software_refused');
  });

  it('says more than one way is dangerous', async () => {
    const entry = { type: 'sev-snp', dangerouslyAcceptAnyMeasurement: true } as const;
    const result = await verify(await bundle(), {}, { platforms: [entry] });
    expect(result).toMatchObject({ status: 'warning', warnings: ['any software is accepted'] });
  });
});

describe('the binding of evidence to claims', () => {
  /** A bundle whose claims were changed after the evidence was made. */
  async function withClaims(type: EvidenceType, change: (claims: Uint8Array) => Uint8Array): Promise<string> {
    const made = await createSyntheticBundle(input({ type }));
    return encodeBundle({ ...made, claims: change(made.claims.slice()) });
  }

  it.each(EVIDENCE_TYPES)('breaks when one byte of the claims of %s changes', async (type) => {
    const received = await withClaims(type, (claims) => {
      claims[20] = (claims[20] ?? 0) ^ 1;
      return claims;
    });
    const code = type === 'software' ? 'signature_invalid' : 'binding_mismatch';
    expect(await codeOf(verify(received))).toBe(`AttestationError ${code}`);
  });

  it('breaks when the claims say the same in another spelling', async () => {
    const received = await withClaims('sev-snp', (claims) => Uint8Array.of(...claims, 0x20));
    expect(await codeOf(verify(received))).toBe('AttestationError binding_mismatch');
  });

  it('breaks when evidence of one router comes with the claims of another', async () => {
    const [ours, theirs] = [
      await createSyntheticBundle(input()),
      await createSyntheticBundle(input({ keyConfig: new Uint8Array(41) })),
    ];
    expect(await codeOf(verify(encodeBundle({ ...ours, evidence: theirs.evidence })))).toBe(
      'AttestationError binding_mismatch',
    );
  });

  it('holds over the whole of the report data', async () => {
    const attest = async (reportData: Uint8Array): Promise<Evidence> => {
      const halved = reportData.slice();
      halved.fill(0, 32);
      return platforms.attest('tdx', halved);
    };
    expect(await codeOf(verify(await bundle({ type: 'tdx', attest })))).toBe('AttestationError binding_mismatch');
  });

  it('breaks for a Nitro document without user data, or with data of another length', async () => {
    for (const user_data of [null, new Uint8Array(), new Uint8Array(63)]) {
      const attest = async (reportData: Uint8Array): Promise<Evidence> => ({
        type: 'aws-nitro',
        ...(await platforms.nitro.attest(reportData, { fields: { user_data } })),
      });
      expect(await codeOf(verify(await bundle({ type: 'aws-nitro', attest })))).toBe(
        'AttestationError binding_mismatch',
      );
    }
  });

  it('needs the signature that goes with it', async () => {
    const made = await createSyntheticBundle(input());
    if (made.evidence.type !== 'sev-snp') throw new RangeError('not SEV-SNP evidence');
    const report = made.evidence.report.slice();
    report[0x2a0] = (report[0x2a0] ?? 0) ^ 1;
    const forged = encodeBundle({ ...made, evidence: { ...made.evidence, report } });
    expect(await codeOf(verify(forged))).toBe('AttestationError signature_invalid');
  });
});

describe('the challenge', () => {
  const MISMATCH = 'AttestationError nonce_mismatch';

  it('is not answered by static evidence, nor is static evidence by an answer', async () => {
    expect(await codeOf(verify(await bundle(), { nonce: NONCE }))).toBe(MISMATCH);
    expect(await codeOf(verify(await bundle({ nonce: NONCE })))).toBe(MISMATCH);
  });

  it('is not answered by an answer to another one', async () => {
    const other = new Uint8Array(32).fill(0xac);
    expect(await codeOf(verify(await bundle({ nonce: other }), { nonce: NONCE }))).toBe(MISMATCH);
  });

  it('is not answered by static evidence, or an older answer, that only repeats the nonce', async () => {
    const made = await createSyntheticBundle(input());
    const repeated = encodeBundle({ ...made, nonce: NONCE });
    expect(await codeOf(verify(repeated, { nonce: NONCE }))).toBe('AttestationError binding_mismatch');
    const older = await createSyntheticBundle(input({ nonce: new Uint8Array(32) }));
    const renamed = encodeBundle({ ...older, nonce: NONCE });
    expect(await codeOf(verify(renamed, { nonce: NONCE }))).toBe('AttestationError binding_mismatch');
  });

  it('must be repeated in a Nitro document, and only there', async () => {
    const without = async (reportData: Uint8Array): Promise<Evidence> => platforms.attest('aws-nitro', reportData);
    const answered = await bundle({ type: 'aws-nitro', nonce: NONCE, attest: without });
    expect(await codeOf(verify(answered, { nonce: NONCE }))).toBe(MISMATCH);
    const unasked = async (reportData: Uint8Array): Promise<Evidence> =>
      platforms.attest('aws-nitro', reportData, NONCE);
    expect(await codeOf(verify(await bundle({ type: 'aws-nitro', attest: unasked })))).toBe(MISMATCH);
  });

  it('is needed where the policy asks for one, and has 32 bytes', async () => {
    const received = await bundle();
    expect(await codeOf(verify(received, {}, { freshness: 'nonce' }))).toBe('ConfigurationError invalid_option');
    expect(await codeOf(verify(received, { nonce: new Uint8Array(31) }))).toBe('ConfigurationError invalid_option');
  });
});

describe('the claims', () => {
  it.each([
    ['audience_mismatch', 'claims.aud', { aud: 'https://other.example' }],
    ['claims_expired', 'claims.exp', { iat: SECONDS - 7_200, exp: SECONDS - 3_600 }],
    ['claims_not_yet_valid', 'claims.iat', { iat: SECONDS + 3_600, exp: SECONDS + 7_200 }],
    ['key_mismatch', 'claims.kid', { kid: 'k2' }],
  ])('fail with %s at %s', async (code, step, claims) => {
    const failure = await failureOf(verify(await bundle({ claims }), { expectedKid: 'k1' }));
    expect(failure).toEqual({ error: 'AttestationError', codes: [code], steps: [step] });
  });

  it('must name the key config about to be used, where a router offers two', async () => {
    const other = new Uint8Array(41).fill(8);
    expect(await codeOf(verify(await bundle(), { expectedKeyConfigs: other }))).toBe('AttestationError key_mismatch');
  });

  it('are refused in another form, though evidence commits to them', async () => {
    expect(await codeOf(verify(await bundle({ claims: { epoch: '1' } })))).toBe('AttestationError claims_invalid');
    expect(await codeOf(verify(await bundle({ claims: { aud: null } })))).toBe('AttestationError claims_invalid');
    const reversed = { iat: SECONDS + 10, exp: SECONDS };
    expect(await codeOf(verify(await bundle({ claims: reversed })))).toBe('AttestationError claims_invalid');
  });

  it('may hold members that are not known yet', async () => {
    await expect(verify(await bundle({ claims: { later: true } }))).resolves.toMatchObject({ kid: 'k1' });
  });

  it('say insecure of software, and of nothing else', async () => {
    const failure = { error: 'AttestationError', codes: ['claims_invalid'], steps: ['claims.insecure'] };
    const silent = await bundle({ type: 'software', claims: { insecure: undefined } });
    expect(await failureOf(verify(silent))).toEqual(failure);
    expect(await failureOf(verify(await bundle({ claims: { insecure: true } })))).toEqual(failure);
  });

  it('are given out member by member', async () => {
    const key = new Uint8Array(32).fill(3);
    const claims = {
      epoch: 9,
      rsaKeySha256: 'ab'.repeat(32),
      ehbpKey: encodeBase64Url(key),
      receiptKey: encodeBase64Url(key),
      upstreamPolicySha256: 'cd'.repeat(32),
    };
    const said = { epoch: 9, rsaKeySha256: 'ab'.repeat(32), ehbpKey: key, receiptKey: key };
    await expect(verify(await bundle({ claims }))).resolves.toMatchObject({
      ...said,
      upstreamPolicySha256: 'cd'.repeat(32),
      software: { name: 'sotto-router', commit: 'synthetic' },
    });
    await expect(verify(await bundle())).resolves.toMatchObject({
      rsaKeySha256: null,
      ehbpKey: null,
      receiptKey: null,
      upstreamPolicySha256: null,
    });
  });

  it('bear five minutes between the clocks', async () => {
    const claims = { iat: SECONDS + 240, exp: SECONDS + 3_600 };
    await expect(verify(await bundle({ claims }))).resolves.toBeDefined();
  });

  it('may be older than allowed only where they answer a challenge', async () => {
    const claims = { iat: SECONDS - 7_200, exp: SECONDS + 7_200 };
    const young = { maxAgeSeconds: 3_600 };
    expect(await codeOf(verify(await bundle({ claims }), {}, young))).toBe('PolicyError evidence_stale');
    await expect(verify(await bundle({ claims, nonce: NONCE }), { nonce: NONCE }, young)).resolves.toBeDefined();
  });

  it('do not make an old Nitro document young', async () => {
    const aged =
      (milliseconds: number) =>
      async (reportData: Uint8Array): Promise<Evidence> => ({
        type: 'aws-nitro',
        ...(await platforms.nitro.attest(reportData, { timestamp: NOW.getTime() + milliseconds })),
      });
    for (const milliseconds of [-7_200_000, 7_200_000]) {
      const received = await bundle({ type: 'aws-nitro', attest: aged(milliseconds) });
      expect(await codeOf(verify(received, {}, { maxAgeSeconds: 3_600 }))).toBe('PolicyError evidence_stale');
    }
  });
});

describe('a bundle that was tampered with at random', () => {
  it.each(EVIDENCE_TYPES)('fails with a typed error, or proves the same: %s', async (type) => {
    const text = encodeUtf8(await bundle({ type }));
    const genuine = await verify(text);
    const random = seeded(type.length);
    for (let count = 0; count < 60; count++) {
      const tampered = text.slice();
      tampered[random() % text.length] = random() % 256;
      const cut = random() % 8 === 0 ? tampered.subarray(0, random() % text.length) : tampered;
      const outcome = await verify(cut).catch((error: unknown) => {
        if (AttestationError.isInstance(error) || PolicyError.isInstance(error)) return null;
        throw error;
      });
      if (outcome !== null) expect(outcome).toEqual(genuine);
    }
  });
});

describe('the failures', () => {
  it('of the policy are all collected', async () => {
    const attest = async (reportData: Uint8Array): Promise<Evidence> => ({
      type: 'sev-snp',
      ...(await platforms.sevSnp.attest(reportData, {
        vmpl: 3,
        policy: 0xb0000n,
        measurement: new Uint8Array(48),
        withoutCrl: true,
      })),
    });
    expect(await failureOf(verify(await bundle({ attest }), {}, { requireCrl: true }))).toEqual({
      error: 'PolicyError',
      codes: ['debug_enabled', 'vmpl_not_allowed', 'measurement_not_allowed', 'crl_missing'],
      steps: ['debug', 'vmpl', 'measurements', 'requireCrl'].map((name) => `policy.platforms[0].${name}`),
    });
  });

  it('of the claims come first, and bring those of the policy along', async () => {
    const attest = async (reportData: Uint8Array): Promise<Evidence> => ({
      type: 'sev-snp',
      ...(await platforms.sevSnp.attest(reportData, { vmpl: 3 })),
    });
    const claims = { aud: 'https://other.example', iat: SECONDS - 7_200, exp: SECONDS - 3_600 };
    expect(await failureOf(verify(await bundle({ attest, claims })))).toMatchObject({
      error: 'AttestationError',
      codes: ['audience_mismatch', 'claims_expired', 'vmpl_not_allowed'],
    });
  });

  it('say whether new evidence may pass', async () => {
    const retryable = async (promise: Promise<unknown>) =>
      promise.then(
        () => null,
        (error: unknown) => (error instanceof Error && 'retryable' in error ? error.retryable : null),
      );
    const expired = { iat: SECONDS - 7_200, exp: SECONDS - 3_600 };
    expect(await retryable(verify(await bundle({ claims: expired })))).toBe(true);
    const elsewhere = { ...expired, aud: 'https://other.example' };
    expect(await retryable(verify(await bundle({ claims: elsewhere })))).toBe(false);
  });
});
