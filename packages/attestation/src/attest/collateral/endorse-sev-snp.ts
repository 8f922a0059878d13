import { ConfigurationError, equalBytes } from '@sotto/protocol';
import { isZero } from '../../byte-reader.ts';
import type { Evidence, UnendorsedEvidence } from '../../evidence-schema.ts';
import type { SevProduct } from '../../roots.ts';
import { type EndorsementKey, parseEndorsementKey } from '../../sev-snp/endorsement-key.ts';
import { parseSnpReport, type SnpReport } from '../../sev-snp/report.ts';
import { parseSnpTcb, SNP_TCB_COMPONENTS } from '../../sev-snp/tcb-version.ts';
import { attestationError, parsing } from '../../verification-error.ts';
import { parseCertificate } from '../../x509/certificate.ts';
import type { AmdChain, AmdKds } from './amd-kds.ts';
import { COLLATERAL_STEP } from './fetch-answer.ts';

type UnendorsedSevSnp = Extract<UnendorsedEvidence, { type: 'sev-snp' }>;
type EndorsedSevSnp = Extract<Evidence, { type: 'sev-snp' }>;

/** How evidence of SEV-SNP is completed. */
export interface SevSnpEndorsement {
  readonly kds: AmdKds;
  /** The processor family, where neither report nor certificate says. */
  readonly product: SevProduct | null;
  /** Leaves the revocation list out. */
  readonly skipCrl: boolean;
}

/**
 * Completes evidence of SEV-SNP: what the host gave where it fits the report, the rest from AMD. Hosts keep
 * certificates from before a firmware update; one that endorses another TCB version is replaced.
 * @throws AttestationError `evidence_malformed`, `collateral_missing`, `fetch_failed`
 * @throws ConfigurationError `invalid_config` where nothing says which processor the report is of
 */
export async function endorseSevSnp(
  evidence: UnendorsedSevSnp,
  { kds, product: configuredProduct, skipCrl }: SevSnpEndorsement,
  signal: AbortSignal,
): Promise<EndorsedSevSnp> {
  const report = parsing('parse.report', 'evidence_malformed', 'the SNP report', () => parseSnpReport(evidence.report));
  const given = evidence.leaf === undefined ? null : readKey(evidence.leaf);
  // The report comes from the firmware, the certificate through the host.
  const product = report.cpuProduct ?? given?.product ?? configuredProduct;
  if (product === null) throw unknownProduct();
  const leaf =
    evidence.leaf !== undefined && given?.product === product && endorses(given, report)
      ? evidence.leaf
      : await fetchLeaf(report, product, kds, signal);
  const chain = givenChain(evidence, leaf) ?? (await kds.chain(product, report.signer, signal));
  const crl = evidence.crl ?? (skipCrl ? undefined : await kds.crl(product, signal));
  return { type: 'sev-snp', report: evidence.report, leaf, ...chain, ...(crl === undefined ? {} : { crl }) };
}

function readKey(leaf: Uint8Array): EndorsementKey | null {
  try {
    return parseEndorsementKey(parseCertificate(leaf));
  } catch {
    // Untrusted bytes of the host's; AMD gives the certificate as well.
    return null;
  }
}

/** Whether a key is the one that signed the report, by what its certificate says. */
function endorses(key: EndorsementKey, report: SnpReport): boolean {
  const tcb = parsing('parse.tcb', 'evidence_malformed', 'the TCB version of the report', () =>
    parseSnpTcb(report.tcb.reported, key.product),
  );
  const sameChip = key.chipId === null || equalBytes(key.chipId, report.chipId.subarray(0, key.chipId.length));
  return key.signer === report.signer && sameChip && SNP_TCB_COMPONENTS.every((name) => key.tcb[name] === tcb[name]);
}

async function fetchLeaf(
  report: SnpReport,
  product: SevProduct,
  kds: AmdKds,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (report.signer === 'vlek') throw missing('the key is a VLEK, whose certificate only the host can give');
  if (isZero(report.chipId)) throw missing('the firmware masks the chip id: unset MASK_CHIP_ID on the host');
  const tcb = parsing('parse.tcb', 'evidence_malformed', 'the TCB version of the report', () =>
    parseSnpTcb(report.tcb.reported, product),
  );
  return kds.vcek(product, report.chipId, tcb, signal);
}

/** The chain that the host gave. @returns null where it is not whole, or not that of the leaf */
function givenChain({ ask, ark }: UnendorsedSevSnp, leaf: Uint8Array): AmdChain | null {
  if (ask === undefined || ark === undefined) return null;
  try {
    const [leafCertificate, askCertificate, arkCertificate] = [leaf, ask, ark].map(parseCertificate);
    const fits =
      leafCertificate !== undefined &&
      askCertificate !== undefined &&
      arkCertificate !== undefined &&
      equalBytes(leafCertificate.issuer, askCertificate.subject) &&
      equalBytes(askCertificate.issuer, arkCertificate.subject);
    return fits ? { ask, ark } : null;
  } catch {
    return null;
  }
}

function missing(why: string): Error {
  return attestationError(COLLATERAL_STEP, 'collateral_missing', `the report has no certificate: ${why}`);
}

function unknownProduct(): ConfigurationError {
  return new ConfigurationError('the report does not say which processor it is of: name the product', {
    code: 'invalid_config',
  });
}
