import { encodeUtf8 } from '@sotto/protocol';
import { describe, expect, it } from 'vitest';
import { encodeBase64Url } from '../src/base64url.ts';
import { MAX_BUNDLE_BYTES, parseBundle } from '../src/bundle.ts';
import { encodeBundle } from '../src/bundle-encoding.ts';
import { codeOf } from './expect-failure.ts';

const MALFORMED = 'AttestationError evidence_malformed';
const bytes = (length: number) => encodeBase64Url(new Uint8Array(length).fill(1));
const EVIDENCE = { type: 'sev-snp', report: bytes(1_184), leaf: bytes(100) };
const BUNDLE = { v: 1, claims: bytes(10), evidence: EVIDENCE };
const outcome = (bundle: unknown) => codeOf(() => parseBundle(JSON.stringify(bundle)));

describe('parseBundle', () => {
  it('reads a bundle, from text and from bytes, and writes it back', () => {
    const text = JSON.stringify({ ...BUNDLE, nonce: bytes(32), additional: [{ type: 'nvidia-gpu', report: 'x' }] });
    const parsed = parseBundle(text);
    expect(parsed.evidence).toMatchObject({ type: 'sev-snp', report: new Uint8Array(1_184).fill(1) });
    expect(parseBundle(encodeUtf8(text))).toEqual(parsed);
    expect(JSON.parse(encodeBundle(parsed))).toEqual(JSON.parse(text));
  });

  it.each([
    ['nothing', ''],
    ['no bytes', new Uint8Array()],
    ['no evidence', JSON.stringify({ v: 1, claims: bytes(1) })],
    ['evidence of null', JSON.stringify({ ...BUNDLE, evidence: null })],
  ])('says that evidence is missing from %s', async (_, received) => {
    expect(await codeOf(() => parseBundle(received))).toBe('AttestationError evidence_missing');
  });

  it('says that it does not know a type', async () => {
    const evidence = { type: 'arm-cca', token: 'x' };
    expect(await outcome({ ...BUNDLE, evidence })).toBe('AttestationError type_unsupported');
  });

  it.each([
    ['no object', []],
    ['another version', { ...BUNDLE, v: 2 }],
    ['a member more', { ...BUNDLE, more: 1 }],
    ['a member more in its evidence', { ...BUNDLE, evidence: { ...EVIDENCE, more: 1 } }],
    ['a type that is no text', { ...BUNDLE, evidence: { ...EVIDENCE, type: 1 } }],
    ['evidence that is no object', { ...BUNDLE, evidence: 'none' }],
    ['white space in base64', { ...BUNDLE, claims: `${bytes(10)} ` }],
    ['padding in base64', { ...BUNDLE, claims: `${bytes(10)}==` }],
    ['standard base64', { ...BUNDLE, claims: '++++' }],
    ['no claims', { ...BUNDLE, claims: undefined }],
    ['empty claims', { ...BUNDLE, claims: '' }],
    ['claims that are too long', { ...BUNDLE, claims: bytes(131_073) }],
    ['a short nonce', { ...BUNDLE, nonce: bytes(31) }],
    ['a long nonce', { ...BUNDLE, nonce: bytes(33) }],
    ['a short report', { ...BUNDLE, evidence: { ...EVIDENCE, report: bytes(1_183) } }],
    ['an empty certificate', { ...BUNDLE, evidence: { ...EVIDENCE, leaf: '' } }],
    ['a long certificate', { ...BUNDLE, evidence: { ...EVIDENCE, leaf: bytes(8_193) } }],
    ['a long CRL', { ...BUNDLE, evidence: { ...EVIDENCE, crl: bytes(65_537) } }],
    ['a long quote', { ...BUNDLE, evidence: { type: 'tdx', quote: bytes(16_385) } }],
    ['collateral that is not whole', { ...BUNDLE, evidence: { type: 'tdx', quote: bytes(9), collateral: {} } }],
    ['dstack without an event log', { ...BUNDLE, evidence: { type: 'dstack-tdx', quote: bytes(9) } }],
    [
      'software without its warning',
      { ...BUNDLE, evidence: { type: 'software', publicKey: bytes(91), signature: bytes(64) } },
    ],
    ['nine more pieces of evidence', { ...BUNDLE, additional: Array.from({ length: 9 }, () => ({ type: 'gpu' })) }],
    ['more evidence without a type', { ...BUNDLE, additional: [{}] }],
  ])('calls a bundle with %s malformed', async (_, bundle) => {
    expect(await outcome(bundle)).toBe(MALFORMED);
  });

  it('calls what is no JSON, no UTF-8, or too long malformed', async () => {
    const long = `${JSON.stringify(BUNDLE)}${' '.repeat(MAX_BUNDLE_BYTES)}`;
    const wide = JSON.stringify({ ...BUNDLE, more: '\u20ac'.repeat(MAX_BUNDLE_BYTES / 2) });
    for (const received of ['{', '<html>', long, wide, encodeUtf8(long), Uint8Array.of(0xff)]) {
      expect(await codeOf(() => parseBundle(received))).toBe(MALFORMED);
    }
  });
});
