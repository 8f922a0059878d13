import { concatBytes, encodeHex, equalBytes } from '@sotto/protocol';
import { isZero } from '../byte-reader.ts';
import { sha256Hex } from '../digest.ts';
import type { SevProduct, TrustRoots } from '../roots.ts';
import { type VerificationContext, type VerificationOptions, verificationContext } from '../verification-context.ts';
import { attestationError, parsing } from '../verification-error.ts';
import { type Certificate, commonName, parseCertificate } from '../x509/certificate.ts';
import { verifyChain } from '../x509/chain.ts';
import { verifyCrl } from '../x509/crl.ts';
import { verifySignature } from '../x509/public-key.ts';
import { type EndorsementKey, parseEndorsementKey } from './endorsement-key.ts';
import { parseSnpReport, type SnpReport } from './report.ts';
import { parseSnpTcb, SNP_TCB_COMPONENTS, type SnpTcb } from './tcb-version.ts';

/** Evidence of SEV-SNP, as bytes. */
export interface SevSnpEvidence {
  /** The attestation report, 1,184 bytes. */
  readonly report: Uint8Array;
  /** Certificate of the VCEK or VLEK, DER. */
  readonly leaf: Uint8Array;
  /** The intermediate certificate that signed it (ASK, or ASVK for a VLEK), DER. */
  readonly ask?: Uint8Array | undefined;
  /** AMD's root certificate for the processor family, DER. */
  readonly ark?: Uint8Array | undefined;
  /** The root's revocation list, DER. */
  readonly crl?: Uint8Array | undefined;
}

/** A report whose signature and chain have been verified. Identifiers are lower-case hexadecimal. */
export interface VerifiedSevSnp extends Omit<SnpReport, 'tcb' | 'chipId' | 'cpuProduct' | 'signed' | 'signature'> {
  readonly type: 'sev-snp';
  readonly product: SevProduct;
  readonly tcb: Readonly<Record<'current' | 'reported' | 'committed' | 'launch', SnpTcb>>;
  /** 64 bytes, hexadecimal; null where the firmware masks it. */
  readonly chipId: string | null;
  /** Whether a revocation list came along; it has been verified then. */
  readonly crlChecked: boolean;
  /** When the first of certificates and revocation list runs out, milliseconds since 1970. */
  readonly validUntil: number;
}

/**
 * Verifies that AMD's firmware made a report: chain to a pinned root, revocation, that the certificate is of the chip
 * and TCB version the report names, signature. It does not judge what the report says: that is the policy's part.
 *
 * The signature bytes identify nothing: s and n − s both verify.
 * @throws AttestationError `evidence_malformed`, `chain_untrusted`, `cert_expired`, `crl_invalid`, `crl_expired`,
 * `cert_revoked`, `endorsement_mismatch`, `signature_invalid`
 */
export async function verifySevSnp(evidence: SevSnpEvidence, options: VerificationOptions): Promise<VerifiedSevSnp> {
  const context = verificationContext(options);
  const report = parsing('parse.report', 'evidence_malformed', 'the SNP report', () => parseSnpReport(evidence.report));
  const { product, chain } = await verifyAmdChain(evidence, report.signer, context);
  const [leaf, ask, ark] = chain;
  const crlUntil = evidence.crl === undefined ? null : await verifyCrl(evidence.crl, ark, [ask], context, 'crypto.crl');

  const malformed = 'the certificate of the signing key';
  const key = parsing('parse.leaf', 'evidence_malformed', malformed, () => parseEndorsementKey(leaf));
  // Before the TCB versions, whose layout is the family's.
  checkFamily(report, key, product);
  const tcb = parsing('parse.tcb', 'evidence_malformed', 'the TCB version of the report', () => ({
    current: parseSnpTcb(report.tcb.current, product),
    reported: parseSnpTcb(report.tcb.reported, product),
    committed: parseSnpTcb(report.tcb.committed, product),
    launch: parseSnpTcb(report.tcb.launch, product),
  }));
  checkEndorsement(report, key, tcb.reported);
  if (!(await verifySignature(leaf.publicKey, 'ecdsa-p384-sha384', report.signature, report.signed))) {
    throw attestationError('crypto.signature', 'signature_invalid', 'the signature of the SNP report does not verify');
  }
  const { cpuProduct: _, signed: __, signature: ___, ...fields } = report;
  return {
    ...fields,
    type: 'sev-snp',
    product,
    tcb,
    chipId: isZero(report.chipId) ? null : encodeHex(report.chipId),
    crlChecked: crlUntil !== null,
    validUntil: Math.min(...chain.map(({ notAfter }) => notAfter), crlUntil ?? Number.POSITIVE_INFINITY),
  };
}

type AmdChain = readonly [leaf: Certificate, ask: Certificate, ark: Certificate];

async function verifyAmdChain(
  { leaf, ask, ark }: SevSnpEvidence,
  signer: 'vcek' | 'vlek',
  context: VerificationContext,
): Promise<{ product: SevProduct; chain: AmdChain }> {
  const step = 'crypto.chain';
  if (ask === undefined || ark === undefined) {
    throw attestationError(step, 'chain_untrusted', 'the evidence lacks the ASK or ARK certificate of AMD');
  }
  const chain: AmdChain = parsing('parse.chain', 'evidence_malformed', 'the certificate chain of AMD', () => [
    parseCertificate(leaf),
    parseCertificate(ask),
    parseCertificate(ark),
  ]);
  const product = productOfRoot(await sha256Hex(ark), context.roots);
  if (product === null) throw attestationError(step, 'chain_untrusted', 'the ARK is none of the pinned roots of AMD');
  const root = context.roots.amd[product];
  await verifyChain(chain, { ...context, root, signatureAlgorithm: 'rsa-pss-sha384', step });
  // AMD 57230 §2: one intermediate signs VCEKs, another signs VLEKs.
  const expected = signer === 'vcek' ? `SEV-${product}` : `SEV-VLEK-${product}`;
  const name = parsing(step, 'chain_untrusted', 'the name of the ASK', () => commonName(chain[1].subject));
  if (name !== expected) {
    throw attestationError(step, 'chain_untrusted', 'the ASK is not of the kind of key that the report names');
  }
  return { product, chain };
}

function productOfRoot(fingerprint: string, roots: TrustRoots): SevProduct | null {
  const products = ['Milan', 'Genoa', 'Turin'] as const;
  return products.find((product) => roots.amd[product] === fingerprint) ?? null;
}

/** Root, certificate and report must be of one processor family. */
function checkFamily(report: SnpReport, key: EndorsementKey, product: SevProduct): void {
  if (key.product !== product || (report.cpuProduct ?? product) !== product)
    throw endorsementMismatch('processor family');
}

/** The certificate must be of this very key: kind, chip, and the TCB version the report claims. */
function checkEndorsement(report: SnpReport, key: EndorsementKey, reported: SnpTcb): void {
  if (key.signer !== report.signer) throw endorsementMismatch('kind of key');
  if (SNP_TCB_COMPONENTS.some((name) => key.tcb[name] !== reported[name])) throw endorsementMismatch('TCB version');
  // A masked chip id is all zero, and for the policy to judge. Turin's has 8 bytes, zero extended to 64.
  if (key.chipId !== null && !isZero(report.chipId)) {
    const padding = new Uint8Array(report.chipId.length - key.chipId.length);
    if (!equalBytes(report.chipId, concatBytes(key.chipId, padding))) throw endorsementMismatch('chip');
  }
}

function endorsementMismatch(what: string) {
  const message = `the certificate is of another ${what} than the report`;
  return attestationError('crypto.endorsement', 'endorsement_mismatch', message);
}
