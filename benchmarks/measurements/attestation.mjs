// Attestation: what it takes to verify a bundle, by kind of evidence, and what the verifier weighs in a browser.
import { observingPolicy, verifyBundle } from '@sotto/attestation';
import { createSyntheticBundleText, createSyntheticPlatforms } from '@sotto/attestation/testing';
import { bundleSize } from '../harness/bundle.mjs';
import { decimal, median, spread } from '../harness/statistics.mjs';

export const name = 'attestation';
export const title = 'Attestation: verifying a bundle';

const ORIGIN = 'https://router.example';
const NONCE = new Uint8Array(32).fill(1);
/**
 * Evidence, and what is verified of it in the way of signatures.
 * @type {readonly (readonly [import('@sotto/attestation').EvidenceType, string])[]}
 */
const KINDS = [
  ['sev-snp', 'AMD SEV-SNP: report, two certificates, revocation list'],
  ['tdx', 'Intel TDX: quote, QE report, four certificates, two documents, two revocation lists'],
  ['dstack-tdx', 'dstack on TDX: the same, and the event log'],
  ['aws-nitro', 'AWS Nitro: document, three certificates'],
];

/** @param {import('../run.mjs').MeasureOptions} options */
export async function measure({ quick, log }) {
  const [rounds, each] = quick ? [3, 10] : [7, 40];
  const now = new Date();
  log('synthetic vendors');
  const platforms = await createSyntheticPlatforms(now);
  /** @type {import('@sotto/attestation').AttestationPolicyInput} */
  const policy = { ...observingPolicy(KINDS.map(([type]) => type)), freshness: 'nonce', requireCrl: true };
  const verify = (text) =>
    verifyBundle(text, policy, { expectedOrigin: ORIGIN, nonce: NONCE, now, roots: platforms.roots });

  const cases = [];
  for (const [type, what] of KINDS) {
    const router = { keyConfig: new Uint8Array(41), origin: ORIGIN, now, nonce: NONCE };
    const text = await createSyntheticBundleText({ ...router, platforms, type });
    const begin = performance.now();
    await verify(text);
    cases.push({ what, text, first: performance.now() - begin, medians: [] });
  }
  log('verifications');
  for (let round = 0; round < rounds; round++) {
    for (const { text, medians } of cases) medians.push(await medianOf(() => verify(text), each));
  }
  log('bundle');
  const verifier = await bundleSize(`export { verifyBundle } from '@sotto/attestation';`);
  const withTiers = await bundleSize(`export { tierPreset, verifyBundle } from '@sotto/attestation';`);
  return {
    tables: [timesTable(cases), sizesTable({ verifyBundle: verifier, 'with tierPreset': withTiers })],
    budget: [],
  };
}

async function medianOf(operation, count) {
  const times = [];
  for (let index = 0; index < count; index++) {
    const begin = performance.now();
    await operation();
    times.push(performance.now() - begin);
  }
  return median(times);
}

function timesTable(cases) {
  return {
    caption:
      'Milliseconds each, one after the other. The first of its kind in the process is by itself: its code is cold.',
    columns: ['evidence', 'bundle bytes', 'first', 'then'],
    rows: cases.map(({ what, text, first, medians }) => [
      what,
      decimal(text.length, 0),
      decimal(first, 1),
      spread(medians, 2),
    ]),
  };
}

function sizesTable(sizes) {
  return {
    caption: 'What it adds to a page: minified, with all that it imports.',
    columns: ['bundle', 'bytes', 'gzip', 'brotli'],
    rows: Object.entries(sizes).map(([what, { bytes, gzip, brotli }]) => [
      what,
      ...[bytes, gzip, brotli].map((size) => decimal(size, 0)),
    ]),
  };
}
