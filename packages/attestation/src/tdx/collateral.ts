import { encodeUtf8 } from '@sotto/protocol';
import * as z from 'zod/mini';
import type { VerificationContext } from '../verification-context.ts';
import { attestationError, parsing } from '../verification-error.ts';
import { hexOf } from '../wire-types.ts';
import { type Certificate, commonName, parseCertificate } from '../x509/certificate.ts';
import { verifyChain } from '../x509/chain.ts';
import { decodePemChain } from '../x509/pem.ts';
import { verifySignature } from '../x509/public-key.ts';
import { TCB_STATUSES } from './tcb-status.ts';

const svn = z.int().check(z.minimum(0), z.maximum(65_535));
const date = z.iso.datetime();
const status = z.enum(TCB_STATUSES);
const advisories = z.optional(z.array(z.string()));

const enclaveLevels = z.array(
  z.object({ tcb: z.object({ isvsvn: svn }), tcbDate: date, tcbStatus: status, advisoryIDs: advisories }),
);
const components = z.array(z.object({ svn })).check(z.length(16));

/** TCB info of TDX, version 3 (Intel PCS API v4). Members that do not matter here may be there, as it is signed. */
export const tdxTcbInfo = z.object({
  id: z.literal('TDX'),
  version: z.literal(3),
  issueDate: date,
  nextUpdate: date,
  fmspc: hexOf(6),
  pceId: hexOf(2),
  tcbType: z.literal(0),
  tcbEvaluationDataNumber: z.int(),
  tdxModule: z.object({ mrsigner: hexOf(48), attributes: hexOf(8), attributesMask: hexOf(8) }),
  tdxModuleIdentities: z.optional(
    z.array(
      z.object({
        id: z.string(),
        mrsigner: hexOf(48),
        attributes: hexOf(8),
        attributesMask: hexOf(8),
        tcbLevels: enclaveLevels,
      }),
    ),
  ),
  tcbLevels: z.array(
    z.object({
      tcb: z.object({ sgxtcbcomponents: components, pcesvn: svn, tdxtcbcomponents: components }),
      tcbDate: date,
      tcbStatus: status,
      advisoryIDs: advisories,
    }),
  ),
});
export type TdxTcbInfo = z.infer<typeof tdxTcbInfo>;

/** Identity of the quoting enclave for TDX, version 2 (Intel PCS API v4). */
export const tdQeIdentity = z.object({
  id: z.literal('TD_QE'),
  version: z.literal(2),
  issueDate: date,
  nextUpdate: date,
  tcbEvaluationDataNumber: z.int(),
  miscselect: hexOf(4),
  miscselectMask: hexOf(4),
  attributes: hexOf(16),
  attributesMask: hexOf(16),
  mrsigner: hexOf(32),
  isvprodid: svn,
  tcbLevels: enclaveLevels,
});
export type TdQeIdentity = z.infer<typeof tdQeIdentity>;

/** What Intel publishes about a platform (Intel PCS API v4), with signed texts as they were signed. */
export interface TdxCollateral {
  /** JSON, the exact text that is signed. */
  readonly tcbInfo: string;
  /** r ‖ s on P-256. */
  readonly tcbInfoSignature: Uint8Array;
  /** PEM: TCB signing certificate, root. */
  readonly tcbInfoIssuerChain: string;
  readonly qeIdentity: string;
  readonly qeIdentitySignature: Uint8Array;
  readonly qeIdentityIssuerChain: string;
  /** DER. */
  readonly pckCrl: Uint8Array;
  /** PEM: PCK Platform or Processor CA, root. */
  readonly pckCrlIssuerChain: string;
  /** DER. */
  readonly rootCaCrl: Uint8Array;
}

const TCB_SIGNING_NAME = 'Intel SGX TCB Signing'; // Intel SGX PCK Certificate and CRL Profile §1.2

/** One signed text of the collateral. */
export interface SignedText {
  readonly text: string;
  readonly signature: Uint8Array;
  readonly issuerChain: string;
}

/** A signed text that has been verified, and until when it and its certificates are good, milliseconds since 1970. */
export interface VerifiedText<T> {
  readonly content: T;
  readonly signer: Certificate;
  readonly validUntil: number;
}

/**
 * Verifies a signed text of Intel's and reads it: chain to the root, signature over the text as it is, schema, dates.
 * @throws AttestationError `collateral_invalid`, `chain_untrusted`, `cert_expired`, `collateral_expired`
 */
export async function verifySignedText<T extends { readonly issueDate: string; readonly nextUpdate: string }>(
  { text, signature, issuerChain }: SignedText,
  schema: z.ZodMiniType<T>,
  context: VerificationContext,
  step: string,
): Promise<VerifiedText<T>> {
  const chain = parsing(step, 'collateral_invalid', 'the issuer chain of the collateral', () =>
    decodePemChain(issuerChain).map(parseCertificate),
  );
  await verifyChain(chain, { ...context, root: context.roots.intelSgx, signatureAlgorithm: 'ecdsa-p256-sha256', step });
  const [signer] = chain;
  const named = (name: Uint8Array) =>
    parsing(step, 'collateral_invalid', 'the name of the TCB signer', () => commonName(name));
  if (chain.length !== 2 || signer === undefined || named(signer.subject) !== TCB_SIGNING_NAME) {
    throw attestationError(step, 'chain_untrusted', 'the collateral is not of the TCB signer of Intel');
  }
  if (!(await verifySignature(signer.publicKey, 'ecdsa-p256-sha256', signature, encodeUtf8(text)))) {
    throw attestationError(step, 'collateral_invalid', 'the signature of the collateral does not verify');
  }
  // Parsed only now: what is not signed is not worth reading.
  const content = parsing(step, 'collateral_invalid', 'the collateral', () => {
    const parsed = z.safeParse(schema, JSON.parse(text));
    if (!parsed.success) throw new RangeError('collateral has another form', { cause: parsed.error });
    return parsed.data;
  });
  const [issued, due] = [Date.parse(content.issueDate), Date.parse(content.nextUpdate)];
  if (context.now < issued - context.clockSkewMs || context.now > due + context.clockSkewMs) {
    throw attestationError(step, 'collateral_expired', 'the collateral is not valid at this time');
  }
  const validUntil = Math.min(due, ...chain.map(({ notAfter }) => notAfter));
  return { content, signer, validUntil };
}
