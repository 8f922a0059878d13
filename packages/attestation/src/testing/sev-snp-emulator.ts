import { concatBytes, encodeUtf8 } from '@sotto/protocol';
import { DER_TAG } from '@sotto/protocol/der';
import { sha256Hex } from '../digest.ts';
import type { SevProduct } from '../roots.ts';
import { SNP_REPORT_BYTES } from '../sev-snp/report.ts';
import type { SnpTcb } from '../sev-snp/tcb-version.ts';
import type { SevSnpEvidence } from '../sev-snp/verify.ts';
import { type CertificateInput, type IssuedCertificate, issueCertificate, issueCrl } from './certificate-authority.ts';
import { der, integer } from './der-writer.ts';
import { syntheticKey } from './synthetic-keys.ts';
import { type SyntheticValidity, syntheticValidity } from './synthetic-time.ts';

/** What a synthetic SEV-SNP processor is asked to say; whatever is left out is what a good one says. */
export interface SevSnpReportInput {
  readonly version?: 2 | 3 | 4 | 5;
  readonly signer?: 'vcek' | 'vlek';
  readonly vmpl?: number;
  readonly policy?: bigint;
  readonly platformInfo?: bigint;
  readonly guestSvn?: number;
  /** 48 bytes. */
  readonly measurement?: Uint8Array;
  /** Changes the report before it is signed. */
  readonly edit?: (report: Uint8Array) => void;
  /** Other members of the leaf certificate. */
  readonly leaf?: Partial<CertificateInput>;
  /** Leaves the revocation list out. */
  readonly withoutCrl?: boolean;
}

/** A synthetic AMD: a root, intermediates, and a processor that signs whatever it is given. */
export interface SevSnpEmulator {
  readonly product: SevProduct;
  /** SHA-256 of the root, for `roots`. */
  readonly root: string;
  readonly ark: IssuedCertificate;
  readonly ask: IssuedCertificate;
  readonly asvk: IssuedCertificate;
  readonly chipId: Uint8Array;
  readonly tcb: SnpTcb;
  readonly crl: Uint8Array;
  readonly validity: SyntheticValidity;
  /** Evidence that commits to `reportData`, 64 bytes. */
  attest(reportData: Uint8Array, input?: SevSnpReportInput): Promise<SevSnpEvidence>;
}

/** The measurement that a synthetic report has unless told. */
export const SYNTHETIC_SNP_MEASUREMENT: Uint8Array = new Uint8Array(48).fill(0x5a);
const CPU = { Milan: [0x19, 0x01], Genoa: [0x19, 0x11], Turin: [0x1a, 0x02] } as const;
const TCB = {
  Milan: { bl: 4, tee: 0, snp: 24, ucode: 219 },
  Genoa: { bl: 10, tee: 0, snp: 23, ucode: 84 },
  Turin: { fmc: 1, bl: 1, tee: 0, snp: 2, ucode: 71 },
} as const;

/** Makes a synthetic AMD for one processor family, valid around `now`. */
export async function createSevSnpEmulator(product: SevProduct, now: Date): Promise<SevSnpEmulator> {
  const validity = syntheticValidity(now);
  const [arkKey, askKey, leafKey] = await Promise.all([
    syntheticKey('amd-ark', 'rsa-pss-sha384'),
    syntheticKey('amd-ask', 'rsa-pss-sha384'),
    syntheticKey('amd-leaf', 'ecdsa-p384-sha384'),
  ]);
  const ca = { ...validity, ca: {} };
  const ark = await issueCertificate({ ...ca, commonName: `ARK-${product}`, key: arkKey });
  const intermediate = { ...ca, ca: { pathLength: 0 }, key: askKey, issuer: ark };
  const ask = await issueCertificate({ ...intermediate, commonName: `SEV-${product}`, serial: 2 });
  const asvk = await issueCertificate({ ...intermediate, commonName: `SEV-VLEK-${product}`, serial: 3 });
  const crl = await issueCrl({ issuer: ark, thisUpdate: validity.notBefore, nextUpdate: validity.nextUpdate });
  const tcb: SnpTcb = TCB[product];
  const chipId = new Uint8Array(64);
  chipId.fill(0xc1, 0, product === 'Turin' ? 8 : 64);

  const attest = async (reportData: Uint8Array, input: SevSnpReportInput = {}): Promise<SevSnpEvidence> => {
    const signer = input.signer ?? 'vcek';
    const issuer = signer === 'vcek' ? ask : asvk;
    const leaf = await issueCertificate({
      ...validity,
      commonName: signer === 'vcek' ? 'SEV-VCEK' : 'SEV-VLEK',
      key: leafKey,
      issuer,
      serial: 0,
      keyUsage: null,
      extensions: leafExtensions(
        product,
        tcb,
        signer === 'vcek' ? chipId.subarray(0, product === 'Turin' ? 8 : 64) : null,
      ),
      ...input.leaf,
    });
    const report = writeReport(product, tcb, chipId, reportData, input);
    input.edit?.(report);
    const signature = await leafKey.sign(report);
    return {
      report: concatBytes(report, signatureField(signature)),
      leaf: leaf.certificate,
      ask: issuer.certificate,
      ark: ark.certificate,
      ...(input.withoutCrl === true ? {} : { crl }),
    };
  };
  return { product, root: await sha256Hex(ark.certificate), ark, ask, asvk, chipId, tcb, crl, validity, attest };
}

/** The extensions by which a leaf names product, TCB version and chip. */
export function leafExtensions(product: SevProduct, tcb: SnpTcb, chipId: Uint8Array | null) {
  const amd = (suffix: string, value: Uint8Array) => ({ oid: `1.3.6.1.4.1.3704.1.${suffix}`, value });
  return [
    amd('1', integer(0)),
    amd('2', der(DER_TAG.ia5String, encodeUtf8(product))),
    amd('3.1', integer(tcb.bl)),
    amd('3.2', integer(tcb.tee)),
    amd('3.3', integer(tcb.snp)),
    amd('3.8', integer(tcb.ucode)),
    ...(tcb.fmc === undefined ? [] : [amd('3.9', integer(tcb.fmc))]),
    ...(chipId === null ? [] : [amd('4', chipId)]),
  ];
}

/** A TCB_VERSION of 8 bytes. */
export function writeSnpTcb(tcb: SnpTcb): Uint8Array {
  const { fmc, bl, tee, snp, ucode } = tcb;
  return fmc === undefined
    ? Uint8Array.of(bl, tee, 0, 0, 0, 0, snp, ucode)
    : Uint8Array.of(fmc, bl, tee, snp, 0, 0, 0, ucode);
}

function writeReport(
  product: SevProduct,
  tcb: SnpTcb,
  chipId: Uint8Array,
  reportData: Uint8Array,
  input: SevSnpReportInput,
): Uint8Array {
  const report = new Uint8Array(0x2a0);
  const view = new DataView(report.buffer);
  const version = input.version ?? 3;
  view.setUint32(0x00, version, true);
  view.setUint32(0x04, input.guestSvn ?? 0, true);
  view.setBigUint64(0x08, input.policy ?? 0x30000n, true);
  view.setUint32(0x30, input.vmpl ?? 0, true);
  view.setUint32(0x34, 1, true);
  view.setBigUint64(0x40, input.platformInfo ?? 0x25n, true);
  view.setUint32(0x48, input.signer === 'vlek' ? 1 << 2 : 0, true);
  report.set(reportData, 0x50);
  report.set(input.measurement ?? SYNTHETIC_SNP_MEASUREMENT, 0x90);
  if (version >= 3) report.set(CPU[product], 0x188);
  report.set(input.signer === 'vlek' ? new Uint8Array(64) : chipId, 0x1a0);
  for (const offset of [0x38, 0x180, 0x1e0, 0x1f0]) report.set(writeSnpTcb(tcb), offset);
  for (const offset of [0x1e8, 0x1ec]) report.set([40, 55, 1], offset);
  return report;
}

/** The signature of 512 bytes: r and s little-endian, 72 bytes each. */
function signatureField(signature: Uint8Array): Uint8Array {
  const field = new Uint8Array(SNP_REPORT_BYTES - 0x2a0);
  field.set(signature.slice(0, 48).reverse(), 0);
  field.set(signature.slice(48).reverse(), 72);
  return field;
}
