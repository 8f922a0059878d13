import { decodeUtf8, encodeUtf8 } from '@sotto/protocol';
import * as z from 'zod/mini';
import { NONCE_BYTES } from './binding.ts';
import { MAX_CLAIMS_BYTES } from './claims.ts';
import { MAX_EVENT_LOG_CHARACTERS } from './dstack/event-log.ts';
import { MAX_NITRO_DOCUMENT_BYTES } from './nitro/attestation-document.ts';
import { SNP_REPORT_BYTES } from './sev-snp/report.ts';
import { SOFTWARE_WARNING } from './software/verify.ts';
import { MAX_QUOTE_BYTES } from './tdx/quote.ts';
import { attestationError, parsing } from './verification-error.ts';
import { base64Url, base64UrlOf } from './wire-types.ts';
import { MAX_CERTIFICATE_BYTES } from './x509/certificate.ts';
import { MAX_CRL_BYTES } from './x509/crl.ts';

/** The longest bundle that is read. */
export const MAX_BUNDLE_BYTES = 262_144;
const MAX_ADDITIONAL = 8;
const text = (maxCharacters: number) => z.string().check(z.maxLength(maxCharacters));
const pem = text(16_384);
const certificate = base64Url(MAX_CERTIFICATE_BYTES);
const crl = base64Url(MAX_CRL_BYTES);

const collateral = z.strictObject({
  tcbInfo: text(65_536),
  tcbInfoSignature: base64UrlOf(64),
  tcbInfoIssuerChain: pem,
  qeIdentity: text(16_384),
  qeIdentitySignature: base64UrlOf(64),
  qeIdentityIssuerChain: pem,
  pckCrl: crl,
  pckCrlIssuerChain: pem,
  rootCaCrl: crl,
});

const evidence = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('sev-snp'),
    report: base64UrlOf(SNP_REPORT_BYTES),
    leaf: certificate,
    ask: z.optional(certificate),
    ark: z.optional(certificate),
    crl: z.optional(crl),
  }),
  z.strictObject({ type: z.literal('tdx'), quote: base64Url(MAX_QUOTE_BYTES), collateral: z.optional(collateral) }),
  z.strictObject({
    type: z.literal('dstack-tdx'),
    quote: base64Url(MAX_QUOTE_BYTES),
    eventLog: text(MAX_EVENT_LOG_CHARACTERS),
    // Nothing signs it, and nothing here reads it: it is for tools that measure the image themselves.
    vmConfig: z.optional(text(16_384)),
    collateral: z.optional(collateral),
  }),
  z.strictObject({ type: z.literal('aws-nitro'), document: base64Url(MAX_NITRO_DOCUMENT_BYTES) }),
  z.strictObject({
    type: z.literal('software'),
    publicKey: base64Url(256),
    signature: base64UrlOf(64),
    warning: z.literal(SOFTWARE_WARNING),
  }),
]);

const bundle = z.strictObject({
  v: z.literal(1),
  claims: base64Url(MAX_CLAIMS_BYTES),
  nonce: z.optional(base64UrlOf(NONCE_BYTES)),
  evidence,
  // Of other hardware, such as GPUs: carried, not verified, and never counted.
  additional: z.optional(z.array(z.looseObject({ type: text(64) })).check(z.maxLength(MAX_ADDITIONAL))),
});

/** Kinds of evidence. */
export const EVIDENCE_TYPES = ['sev-snp', 'tdx', 'dstack-tdx', 'aws-nitro', 'software'] as const;
export type EvidenceType = (typeof EVIDENCE_TYPES)[number];

/** Evidence, with its binary members decoded. */
export type Evidence = z.infer<typeof evidence>;

/** An evidence bundle, with its binary members decoded; nothing is verified yet. */
export type Bundle = z.infer<typeof bundle>;

/**
 * Reads a bundle as it came: JSON, at most 256 KiB, strict in every member.
 * @throws AttestationError `evidence_missing`, `evidence_malformed`, `type_unsupported`
 */
export function parseBundle(received: string | Uint8Array): Bundle {
  if (received.length === 0) throw attestationError('parse.bundle', 'evidence_missing', 'the router sent no evidence');
  return parsing('parse.bundle', 'evidence_malformed', 'the evidence bundle', () => {
    const json: unknown = JSON.parse(boundedText(received));
    checkType(json);
    const parsed = z.safeParse(bundle, json);
    if (!parsed.success) throw new RangeError('bundle has another form', { cause: parsed.error });
    return parsed.data;
  });
}

function boundedText(received: string | Uint8Array): string {
  // A character of a string is at least a byte, so that an overlong one is refused before it is encoded.
  const tooLong =
    received.length > MAX_BUNDLE_BYTES ||
    (typeof received === 'string' && encodeUtf8(received).length > MAX_BUNDLE_BYTES);
  const decoded = tooLong ? null : typeof received === 'string' ? received : decodeUtf8(received);
  if (decoded === null) throw new RangeError('bundle is too long, or not UTF-8');
  return decoded;
}

/** Tells a kind of evidence that is not known, which a later version may be, from a malformed bundle. */
function checkType(json: unknown): void {
  const outer = z.safeParse(z.looseObject({ evidence: z.optional(z.unknown()) }), json);
  if (!outer.success) return;
  if (outer.data.evidence === undefined || outer.data.evidence === null) {
    throw attestationError('parse.bundle', 'evidence_missing', 'the bundle holds no evidence');
  }
  const inner = z.safeParse(z.looseObject({ type: z.string() }), outer.data.evidence);
  if (inner.success && !EVIDENCE_TYPES.some((type) => type === inner.data.type)) {
    throw attestationError('parse.bundle', 'type_unsupported', 'the evidence is of a kind that is not known');
  }
}
