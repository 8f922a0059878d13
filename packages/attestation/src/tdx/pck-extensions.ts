import { encodeHex } from '@sotto/protocol';
import { DER_TAG, type DerElement, DerReader } from '@sotto/protocol/der';
import { derNumber, derOid } from '../der/der-values.ts';
import type { Certificate } from '../x509/certificate.ts';

/** Intel SGX PCK Certificate and CRL Profile §1.3.5 */
const SGX_OID = '1.2.840.113741.1.13.1';
const TCB_OID = `${SGX_OID}.2`;
const PCE_ID_OID = `${SGX_OID}.3`;
const FMSPC_OID = `${SGX_OID}.4`;
const COMPONENTS = 16;
const PCE_SVN_OID = `${TCB_OID}.17`;

/** What a PCK certificate says of its platform. */
export interface PckExtensions {
  /** Security versions of the 16 SGX components. */
  readonly components: readonly number[];
  readonly pceSvn: number;
  /** Platform family, 6 bytes, lower-case hexadecimal. */
  readonly fmspc: string;
  /** 2 bytes, lower-case hexadecimal. */
  readonly pceId: string;
}

/** Reads the SGX extension of a PCK certificate. Throws `RangeError`. */
export function parsePckExtensions(certificate: Certificate): PckExtensions {
  const extension = certificate.extensions.get(SGX_OID);
  if (extension === undefined) throw new RangeError('PCK certificate lacks the SGX extension');
  const fields = parseFields(extension.value);
  const tcb = parseFields(required(fields, TCB_OID, DER_TAG.sequence).encoded);
  const svn = (oid: string) => derNumber(required(tcb, oid, DER_TAG.integer).contents);
  return {
    components: Array.from({ length: COMPONENTS }, (_, index) => svn(`${TCB_OID}.${index + 1}`)),
    pceSvn: svn(PCE_SVN_OID),
    fmspc: octets(fields, FMSPC_OID, 6),
    pceId: octets(fields, PCE_ID_OID, 2),
  };
}

/** A SEQUENCE of pairs of object identifier and value. */
function parseFields(encoded: Uint8Array): ReadonlyMap<string, DerElement> {
  const outer = new DerReader(encoded);
  const reader = outer.sequence();
  outer.end();
  const fields = new Map<string, DerElement>();
  while (reader.peek() !== null) {
    const field = reader.sequence();
    const oid = derOid(field.read(DER_TAG.oid));
    if (fields.has(oid)) throw new RangeError('SGX extension has a field twice');
    fields.set(oid, field.next());
    field.end();
  }
  return fields;
}

function required(fields: ReadonlyMap<string, DerElement>, oid: string, tag: number): DerElement {
  const field = fields.get(oid);
  if (field?.tag !== tag) throw new RangeError('SGX extension lacks a field');
  return field;
}

function octets(fields: ReadonlyMap<string, DerElement>, oid: string, length: number): string {
  const { contents } = required(fields, oid, DER_TAG.octetString);
  if (contents.length !== length) throw new RangeError('SGX extension has a field of another length');
  return encodeHex(contents);
}
