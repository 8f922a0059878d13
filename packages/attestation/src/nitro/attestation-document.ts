import { encodeHex } from '@sotto/protocol';
import { isZero } from '../byte-reader.ts';
import { type CborMap, type CborValue, readCbor } from './cbor-reader.ts';

/** The longest document that is read: what the security module makes at most. */
export const MAX_NITRO_DOCUMENT_BYTES = 16_384;
const REGISTER_BYTES = 48; // SHA-384
const MAX_REGISTERS = 32;
const MAX_FIELD_BYTES = 1_024; // AWS Nitro Enclaves, "Verifying the root of trust": public_key; the others 512
const ES384 = -35; // RFC 9053 §2.1
const ALGORITHM = 1; // RFC 9052 §3.1: label of the algorithm header
const SIGNATURE_BYTES = 96;

/** An attestation document, parsed; nothing is verified yet. */
export interface NitroDocument {
  readonly moduleId: string;
  /** By the module's clock, milliseconds since 1970. */
  readonly timestamp: number;
  /** Registers in lower-case hexadecimal, by index. */
  readonly pcrs: ReadonlyMap<number, string>;
  /** The enclave runs in debug mode, where its host can read its console: PCR0 is zero. */
  readonly debug: boolean;
  readonly publicKey: Uint8Array | null;
  readonly userData: Uint8Array | null;
  readonly nonce: Uint8Array | null;
  /** DER: leaf first, root last. */
  readonly chain: readonly Uint8Array[];
  /** The protected header and the payload, as the signature covers them. */
  readonly protectedHeader: Uint8Array;
  readonly payload: Uint8Array;
  /** r ‖ s on P-384. */
  readonly signature: Uint8Array;
}

/**
 * Reads an attestation document: an untagged COSE_Sign1 (RFC 9052 §4.2) with nothing but the algorithm in its
 * protected header and nothing in the other, around a map of the Nitro security module. Throws `RangeError`.
 */
export function parseNitroDocument(bytes: Uint8Array): NitroDocument {
  if (bytes.length > MAX_NITRO_DOCUMENT_BYTES) throw new RangeError('attestation document is too long');
  const message = readCbor(bytes);
  if (!Array.isArray(message) || message.length !== 4) throw new RangeError('attestation document is no COSE_Sign1');
  const [protectedHeader, unprotectedHeader, payload, signature] = message as readonly CborValue[];
  const header = asMap(readCbor(asBytes(protectedHeader)));
  if (header.size !== 1 || header.get(ALGORITHM) !== ES384) throw new RangeError('document is not signed with ES384');
  if (asMap(unprotectedHeader).size !== 0) throw new RangeError('document has an unprotected header');

  const fields = asMap(readCbor(asBytes(payload)));
  refuseUnknown(fields);
  if (fields.get('digest') !== 'SHA384') throw new RangeError('document has registers of another digest');
  const moduleId = fields.get('module_id');
  if (typeof moduleId !== 'string' || moduleId === '') throw new RangeError('document lacks a module id');
  const timestamp = fields.get('timestamp');
  if (typeof timestamp !== 'number' || timestamp <= 0) throw new RangeError('document lacks a timestamp');
  const pcrs = parseRegisters(asMap(fields.get('pcrs')));
  const bundle = fields.get('cabundle');
  if (!Array.isArray(bundle) || bundle.length === 0) throw new RangeError('document lacks a certificate bundle');

  return {
    moduleId,
    timestamp,
    pcrs,
    debug: isZero(asBytes(asMap(fields.get('pcrs')).get(0))),
    publicKey: optionalBytes(fields.get('public_key')),
    userData: optionalBytes(fields.get('user_data')),
    nonce: optionalBytes(fields.get('nonce')),
    // The bundle begins with the root.
    chain: [asBytes(fields.get('certificate')), ...(bundle as readonly CborValue[]).map(asBytes).reverse()],
    protectedHeader: asBytes(protectedHeader),
    payload: asBytes(payload),
    signature: signatureBytes(signature),
  };
}

const FIELDS = [
  'module_id',
  'digest',
  'timestamp',
  'pcrs',
  'certificate',
  'cabundle',
  'public_key',
  'user_data',
  'nonce',
];

function refuseUnknown(fields: CborMap): void {
  for (const key of fields.keys()) {
    if (typeof key !== 'string' || !FIELDS.includes(key))
      throw new RangeError('document has a field that is not known');
  }
}

function parseRegisters(registers: CborMap): ReadonlyMap<number, string> {
  const pcrs = new Map<number, string>();
  for (const [index, value] of registers) {
    const register = asBytes(value);
    if (typeof index !== 'number' || index < 0 || index >= MAX_REGISTERS || register.length !== REGISTER_BYTES) {
      throw new RangeError('document has a malformed register');
    }
    pcrs.set(index, encodeHex(register));
  }
  if (!pcrs.has(0)) throw new RangeError('document lacks PCR0');
  return pcrs;
}

function signatureBytes(value: CborValue | undefined): Uint8Array {
  const signature = asBytes(value);
  if (signature.length !== SIGNATURE_BYTES) throw new RangeError('document has a signature of another length');
  return signature;
}

function optionalBytes(value: CborValue | undefined): Uint8Array | null {
  if (value === undefined || value === null) return null;
  const bytes = asBytes(value);
  if (bytes.length > MAX_FIELD_BYTES) throw new RangeError('document has a field that is too long');
  return bytes;
}

function asBytes(value: CborValue | undefined): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new RangeError('CBOR item is no byte string');
  return value;
}

function asMap(value: CborValue | undefined): CborMap {
  if (!(value instanceof Map)) throw new RangeError('CBOR item is no map');
  return value;
}
