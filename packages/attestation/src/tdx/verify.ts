import { concatBytes, encodeHex, equalBytes } from '@sotto/protocol';
import { sha2 } from '../digest.ts';
import { type VerificationContext, type VerificationOptions, verificationContext } from '../verification-context.ts';
import { attestationError, parsing } from '../verification-error.ts';
import { type Certificate, commonName, parseCertificate } from '../x509/certificate.ts';
import { verifyChain } from '../x509/chain.ts';
import { verifyCrl } from '../x509/crl.ts';
import { decodePemChain } from '../x509/pem.ts';
import { verifySignature } from '../x509/public-key.ts';
import { type SignedText, type TdxCollateral, tdQeIdentity, tdxTcbInfo, verifySignedText } from './collateral.ts';
import { parsePckExtensions } from './pck-extensions.ts';
import { parseTdxQuote, type TdxQuote } from './quote.ts';
import { evaluateTdxTcb, type TdxTcb } from './tcb-evaluation.ts';
import type { TdReport } from './td-report.ts';

/** Evidence of TDX, as bytes. */
export interface TdxEvidence {
  /** A quote of version 4 or 5. */
  readonly quote: Uint8Array;
  readonly collateral?: TdxCollateral | undefined;
}

/** A quote whose signatures, chain and collateral have been verified. */
export interface VerifiedTdx extends Omit<TdReport, 'teeTcbSvn' | 'seamAttributes'> {
  readonly type: 'tdx';
  readonly version: 4 | 5;
  readonly bodyType: number;
  /** 16 bytes, lower-case hexadecimal. */
  readonly teeTcbSvn: string;
  readonly seamAttributes: string;
  readonly fmspc: string;
  readonly tcb: TdxTcb;
  /** When the first of certificates, revocation lists and collateral runs out, milliseconds since 1970. */
  readonly validUntil: number;
}

const PCK_NAME = 'Intel SGX PCK Certificate'; // Intel SGX PCK Certificate and CRL Profile §1.2
const PCK_CA_NAMES = ['Intel SGX PCK Platform CA', 'Intel SGX PCK Processor CA'];

/**
 * Verifies that a genuine TDX module made a quote: PCK chain to Intel's root, quoting enclave, attestation key, quote
 * signature, collateral, revocation of every certificate below the root; then how up to date the platform is. Whether
 * that is good enough, and what the quote says of the trust domain, is the policy's part.
 * @throws AttestationError `evidence_malformed`, `collateral_missing`, `collateral_invalid`, `collateral_expired`,
 * `chain_untrusted`, `cert_expired`, `cert_revoked`, `crl_invalid`, `crl_expired`, `signature_invalid`,
 * `qe_not_genuine`, `module_not_genuine`
 */
export async function verifyTdx(evidence: TdxEvidence, options: VerificationOptions): Promise<VerifiedTdx> {
  const context = verificationContext(options);
  const { collateral } = evidence;
  const quote = parsing('parse.quote', 'evidence_malformed', 'the TDX quote', () => parseTdxQuote(evidence.quote));
  if (collateral === undefined) {
    throw attestationError('crypto.collateral', 'collateral_missing', 'the evidence lacks the collateral of Intel');
  }
  const chain = await verifyPckChain(quote, context);
  await verifyQuoteSignatures(quote, chain[0]);
  const info = await verifySignedText(tcbInfoText(collateral), tdxTcbInfo, context, 'crypto.tcb-info');
  const identity = await verifySignedText(qeIdentityText(collateral), tdQeIdentity, context, 'crypto.qe-identity');
  const crlsUntil = await verifyCrls(collateral, chain, [info.signer, identity.signer], context);

  const platform = parsing('parse.pck', 'evidence_malformed', 'the PCK certificate', () =>
    parsePckExtensions(chain[0]),
  );
  if (info.content.fmspc !== platform.fmspc || info.content.pceId !== platform.pceId) {
    throw attestationError(
      'crypto.tcb-info',
      'collateral_invalid',
      'the TCB info is of another platform than the quote',
    );
  }
  const { teeTcbSvn, seamAttributes, ...report } = quote.report;
  return {
    ...report,
    type: 'tdx',
    version: quote.version,
    bodyType: quote.bodyType,
    teeTcbSvn: encodeHex(teeTcbSvn),
    seamAttributes: encodeHex(seamAttributes),
    fmspc: platform.fmspc,
    tcb: evaluateTdxTcb(quote.report, quote.qeReport, platform, info.content, identity.content),
    validUntil: Math.min(info.validUntil, identity.validUntil, crlsUntil, ...chain.map(({ notAfter }) => notAfter)),
  };
}

type PckChain = readonly [pck: Certificate, ca: Certificate, root: Certificate];

async function verifyPckChain(quote: TdxQuote, context: VerificationContext): Promise<PckChain> {
  const step = 'crypto.chain';
  const [pck, ca, root, ...more] = parsing('parse.chain', 'evidence_malformed', 'the PCK certificate chain', () =>
    quote.pckChain.map(parseCertificate),
  );
  if (pck === undefined || ca === undefined || root === undefined || more.length > 0) {
    throw attestationError(step, 'chain_untrusted', 'the PCK certificate chain has not three certificates');
  }
  const chain: PckChain = [pck, ca, root];
  await verifyChain(chain, { ...context, root: context.roots.intelSgx, signatureAlgorithm: 'ecdsa-p256-sha256', step });
  const named = parsing(step, 'chain_untrusted', 'a name in the PCK certificate chain', () => ({
    pck: commonName(pck.subject),
    ca: commonName(ca.subject),
  }));
  if (named.pck !== PCK_NAME || !PCK_CA_NAMES.includes(named.ca)) {
    throw attestationError(step, 'chain_untrusted', 'the certificate chain is not of a PCK');
  }
  return chain;
}

/** From the outside in: the PCK signs the quoting enclave's report, which commits to the key that signs the quote. */
async function verifyQuoteSignatures(quote: TdxQuote, pck: Certificate): Promise<void> {
  const algorithm = 'ecdsa-p256-sha256';
  if (!(await verifySignature(pck.publicKey, algorithm, quote.qeReportSignature, quote.qeReportSigned))) {
    throw attestationError('crypto.qe-report', 'signature_invalid', 'the signature of the QE report does not verify');
  }
  const digest = await sha2('SHA-256', concatBytes(quote.attestationKey, quote.qeAuthenticationData));
  // Intel TDX DCAP Quoting Library API §A.3.8: report data is the digest and 32 zero bytes.
  if (!equalBytes(quote.qeReport.reportData, concatBytes(digest, new Uint8Array(32)))) {
    throw attestationError('crypto.qe-report', 'signature_invalid', 'the QE report is of another attestation key');
  }
  const point = concatBytes(Uint8Array.of(0x04), quote.attestationKey);
  const key = { type: 'ec', curve: 'P-256', point } as const;
  if (!(await verifySignature(key, algorithm, quote.signature, quote.signed))) {
    throw attestationError('crypto.signature', 'signature_invalid', 'the signature of the TDX quote does not verify');
  }
}

async function verifyCrls(
  collateral: TdxCollateral,
  [pck, ca, root]: PckChain,
  signers: readonly Certificate[],
  context: VerificationContext,
): Promise<number> {
  const step = 'crypto.crl';
  const issuers = parsing(step, 'crl_invalid', 'the issuer chain of the PCK revocation list', () =>
    decodePemChain(collateral.pckCrlIssuerChain),
  );
  // The PCK's own issuer has been verified: the list's must be the same, certificate by certificate.
  const same =
    issuers.length === 2 && [ca, root].every(({ der }, index) => equalBytes(der, issuers[index] ?? new Uint8Array()));
  if (!same) throw attestationError(step, 'crl_invalid', 'the PCK revocation list is of another issuer than the PCK');
  const rootUntil = await verifyCrl(collateral.rootCaCrl, root, [ca, ...signers], context, step);
  return Math.min(rootUntil, await verifyCrl(collateral.pckCrl, ca, [pck], context, step));
}

function tcbInfoText(collateral: TdxCollateral): SignedText {
  const { tcbInfo, tcbInfoSignature, tcbInfoIssuerChain } = collateral;
  return { text: tcbInfo, signature: tcbInfoSignature, issuerChain: tcbInfoIssuerChain };
}

function qeIdentityText(collateral: TdxCollateral): SignedText {
  const { qeIdentity, qeIdentitySignature, qeIdentityIssuerChain } = collateral;
  return { text: qeIdentity, signature: qeIdentitySignature, issuerChain: qeIdentityIssuerChain };
}
