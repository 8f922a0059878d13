import * as z from 'zod/mini';
import { MAX_EVENT_LOG_CHARACTERS } from './dstack/event-log.ts';
import { MAX_NITRO_DOCUMENT_BYTES } from './nitro/attestation-document.ts';
import { SNP_REPORT_BYTES } from './sev-snp/report.ts';
import { SOFTWARE_WARNING } from './software/verify.ts';
import { MAX_QUOTE_BYTES } from './tdx/quote.ts';
import { base64Url, base64UrlOf } from './wire-types.ts';
import { MAX_CERTIFICATE_BYTES } from './x509/certificate.ts';
import { MAX_CRL_BYTES } from './x509/crl.ts';

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

const sevSnp = {
  type: z.literal('sev-snp'),
  report: base64UrlOf(SNP_REPORT_BYTES),
  ask: z.optional(certificate),
  ark: z.optional(certificate),
  crl: z.optional(crl),
};
const tdx = z.strictObject({
  type: z.literal('tdx'),
  quote: base64Url(MAX_QUOTE_BYTES),
  collateral: z.optional(collateral),
});
const dstack = z.strictObject({
  type: z.literal('dstack-tdx'),
  quote: base64Url(MAX_QUOTE_BYTES),
  eventLog: text(MAX_EVENT_LOG_CHARACTERS),
  // Nothing signs it, and nothing here reads it: it is for tools that measure the image themselves.
  vmConfig: z.optional(text(16_384)),
  collateral: z.optional(collateral),
});
const nitro = z.strictObject({ type: z.literal('aws-nitro'), document: base64Url(MAX_NITRO_DOCUMENT_BYTES) });
const software = z.strictObject({
  type: z.literal('software'),
  publicKey: base64Url(256),
  signature: base64UrlOf(64),
  warning: z.literal(SOFTWARE_WARNING),
});

/** Evidence, as a bundle carries it. */
export const evidenceSchema = z.discriminatedUnion('type', [
  z.strictObject({ ...sevSnp, leaf: certificate }),
  tdx,
  dstack,
  nitro,
  software,
]);

/** Evidence as an attester makes it: of SEV-SNP the certificates may still have to be fetched. */
export const unendorsedEvidenceSchema = z.discriminatedUnion('type', [
  z.strictObject({ ...sevSnp, leaf: z.optional(certificate) }),
  tdx,
  dstack,
  nitro,
  software,
]);

/** Kinds of evidence. */
export const EVIDENCE_TYPES = ['sev-snp', 'tdx', 'dstack-tdx', 'aws-nitro', 'software'] as const;
export type EvidenceType = (typeof EVIDENCE_TYPES)[number];

/** Evidence, with its binary members decoded. */
export type Evidence = z.infer<typeof evidenceSchema>;

/** Evidence before its endorsement: certificates and collateral may be missing from it. */
export type UnendorsedEvidence = z.infer<typeof unendorsedEvidenceSchema>;
