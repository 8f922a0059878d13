import { encodeHex } from '@sotto/protocol';
import { ByteReader } from '../byte-reader.ts';

/** Bytes of an SGX enclave report body (Intel SDM vol. 3D, table 39-21, without key id and MAC). */
export const ENCLAVE_REPORT_BYTES = 384;

/** What the quoting enclave says of itself; signed by the platform's PCK. */
export interface EnclaveReport {
  readonly miscSelect: Uint8Array;
  readonly attributes: Uint8Array;
  readonly mrSigner: string;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly reportData: Uint8Array;
}

/** Reads an enclave report body. Throws `RangeError`. */
export function parseEnclaveReport(bytes: Uint8Array): EnclaveReport {
  const reader = new ByteReader(bytes);
  reader.take(16); // CPUSVN: the PCK certificate's is the one that counts
  const miscSelect = reader.take(4);
  reader.take(28); // CET attributes, reserved, extended product id
  const attributes = reader.take(16);
  reader.take(32 + 32); // MRENCLAVE, reserved: Intel identifies its enclave by signer and product
  const mrSigner = encodeHex(reader.take(32));
  reader.take(96);
  const [isvProdId, isvSvn] = [reader.uint16(), reader.uint16()];
  reader.take(60);
  const reportData = reader.take(64);
  reader.end();
  return { miscSelect, attributes, mrSigner, isvProdId, isvSvn, reportData };
}
