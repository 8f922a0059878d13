import { DER_TAG, DerReader } from '@sotto/protocol/der';
import { derNumber, derText } from '../der/der-values.ts';
import type { SevProduct } from '../roots.ts';
import { type Certificate, commonName } from '../x509/certificate.ts';
import type { SnpTcb } from './tcb-version.ts';

/** AMD 57230 §3.1: the extensions of VCEK and VLEK certificates. */
const AMD_OID = '1.3.6.1.4.1.3704.1';
const PRODUCT_NAME_OID = `${AMD_OID}.2`;
const CHIP_ID_OID = `${AMD_OID}.4`;
const SPL_OID = {
  bl: `${AMD_OID}.3.1`,
  tee: `${AMD_OID}.3.2`,
  snp: `${AMD_OID}.3.3`,
  ucode: `${AMD_OID}.3.8`,
  fmc: `${AMD_OID}.3.9`,
} as const;
const CHIP_ID_BYTES = { Milan: 64, Genoa: 64, Turin: 8 } as const; // AMD 57230 §3.1: hwID is 8 bytes from Turin on

/** What a certificate of a chip's or cloud's signing key says of it. */
export interface EndorsementKey {
  readonly signer: 'vcek' | 'vlek';
  readonly product: SevProduct;
  /** The TCB version the key was derived for. */
  readonly tcb: SnpTcb;
  /** Null for a VLEK, which is a cloud's and not a chip's. */
  readonly chipId: Uint8Array | null;
}

/** Reads the extensions of a VCEK's or VLEK's certificate. Throws `RangeError`. */
export function parseEndorsementKey(certificate: Certificate): EndorsementKey {
  const signer = signerOf(commonName(certificate.subject));
  const product = productOf(certificate);
  const spl = (oid: string) => single(extension(certificate, oid), DER_TAG.integer, derNumber);
  const { bl, tee, snp, ucode } = SPL_OID;
  const tcb = { bl: spl(bl), tee: spl(tee), snp: spl(snp), ucode: spl(ucode) };
  return {
    signer,
    product,
    tcb: product === 'Turin' ? { fmc: spl(SPL_OID.fmc), ...tcb } : tcb,
    chipId: signer === 'vcek' ? chipIdOf(certificate, product) : null,
  };
}

function signerOf(name: string): 'vcek' | 'vlek' {
  if (name === 'SEV-VCEK') return 'vcek';
  if (name === 'SEV-VLEK') return 'vlek';
  throw new RangeError('certificate is not of a VCEK or VLEK');
}

function productOf(certificate: Certificate): SevProduct {
  const reader = new DerReader(extension(certificate, PRODUCT_NAME_OID));
  const name = derText(reader.element(DER_TAG.ia5String));
  reader.end();
  // A stepping may follow, as in `Milan-B0`.
  const product = /^(Milan|Genoa|Turin)(?:-[A-Z]\d)?$/.exec(name)?.[1];
  if (product === 'Milan' || product === 'Genoa' || product === 'Turin') return product;
  throw new RangeError('certificate is of a processor that is not known');
}

function chipIdOf(certificate: Certificate, product: SevProduct): Uint8Array {
  const chipId = extension(certificate, CHIP_ID_OID); // the bytes themselves, without a DER element around them
  if (chipId.length !== CHIP_ID_BYTES[product]) throw new RangeError('chip id has another length than the product has');
  return chipId;
}

function extension(certificate: Certificate, oid: string): Uint8Array {
  const found = certificate.extensions.get(oid);
  if (found === undefined) throw new RangeError('certificate lacks an extension of AMD');
  return found.value;
}

function single<T>(value: Uint8Array, tag: number, read: (contents: Uint8Array) => T): T {
  const reader = new DerReader(value);
  const result = read(reader.read(tag));
  reader.end();
  return result;
}
