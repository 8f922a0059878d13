import { decodeUtf8, encodeHex } from '@sotto/protocol';
import { ByteReader } from '../byte-reader.ts';
import { decodePemChain } from '../x509/pem.ts';
import { ENCLAVE_REPORT_BYTES, type EnclaveReport, parseEnclaveReport } from './enclave-report.ts';
import { parseTdReport, TD_REPORT_BYTES, type TdReport } from './td-report.ts';

/** The longest quote that is read; recorded ones have 5 KiB. */
export const MAX_QUOTE_BYTES = 16_384;
const HEADER_BYTES = 48; // Intel TDX DCAP Quoting Library API §A.3.1
const ECDSA_P256 = 2; // §A.3.1: attestation key type
const TEE_TDX = 0x81; // §A.3.1
const INTEL_QE_VENDOR = '939a7233f79c4ca9940a0db3957f0607'; // §A.3.1
const CERTIFICATION_QE_REPORT = 6; // §A.3.9: QE report certification data
const CERTIFICATION_PCK_CHAIN = 5; // §A.3.9: PCK certificate chain, PEM
/** Version 5's body types (§A.3.3): 1 is an SGX enclave, which is no trust domain. */
const BODY_BYTES: Readonly<Record<number, number>> = { 2: TD_REPORT_BYTES['1.0'], 3: TD_REPORT_BYTES['1.5'] };

/** A TDX quote, parsed; nothing is verified yet. Byte strings are views. */
export interface TdxQuote {
  readonly version: 4 | 5;
  readonly bodyType: number;
  readonly report: TdReport;
  /** What the attestation key's signature covers: header and body. */
  readonly signed: Uint8Array;
  /** r ‖ s. */
  readonly signature: Uint8Array;
  /** x ‖ y on P-256. */
  readonly attestationKey: Uint8Array;
  readonly qeReport: EnclaveReport;
  /** What the PCK's signature covers. */
  readonly qeReportSigned: Uint8Array;
  readonly qeReportSignature: Uint8Array;
  readonly qeAuthenticationData: Uint8Array;
  /** PCK, intermediate, root: DER. */
  readonly pckChain: readonly Uint8Array[];
}

/**
 * Reads a quote of version 4 or 5 (Intel TDX DCAP Quoting Library API, appendix A.3). Zero bytes may follow, as quote
 * generation pads its buffer; anything else after the end is refused. Throws `RangeError`.
 */
export function parseTdxQuote(bytes: Uint8Array): TdxQuote {
  if (bytes.length > MAX_QUOTE_BYTES) throw new RangeError('quote is too long');
  const reader = new ByteReader(bytes);
  const version = parseHeader(reader);
  const { bodyType, body } = parseBody(reader, version);
  const signed = bytes.subarray(0, reader.offset);
  const signatureData = new ByteReader(reader.take(reader.uint32()));
  reader.reserved(bytes.length - reader.offset);

  const signature = signatureData.take(64);
  const attestationKey = signatureData.take(64);
  const certification = certificationData(signatureData, CERTIFICATION_QE_REPORT);
  signatureData.end();

  const qeReportSigned = certification.take(ENCLAVE_REPORT_BYTES);
  const qeReportSignature = certification.take(64);
  const qeAuthenticationData = certification.take(certification.uint16());
  const pem = certificationData(certification, CERTIFICATION_PCK_CHAIN).rest();
  certification.end();

  return {
    version,
    bodyType,
    report: parseTdReport(body),
    signed,
    signature,
    attestationKey,
    qeReport: parseEnclaveReport(qeReportSigned),
    qeReportSigned,
    qeReportSignature,
    qeAuthenticationData,
    pckChain: parsePckChain(pem),
  };
}

function parseHeader(reader: ByteReader): 4 | 5 {
  const header = new ByteReader(reader.take(HEADER_BYTES));
  const version = header.uint16();
  if (version !== 4 && version !== 5) throw new RangeError('quote is not of version 4 or 5');
  if (header.uint16() !== ECDSA_P256) throw new RangeError('quote is not signed with ECDSA P-256');
  if (header.uint32() !== TEE_TDX) throw new RangeError('quote is not of a trust domain');
  header.take(4); // reserved, and set by some quoting enclaves
  if (encodeHex(header.take(16)) !== INTEL_QE_VENDOR)
    throw new RangeError('quote is not of the quoting enclave of Intel');
  return version;
}

function parseBody(reader: ByteReader, version: 4 | 5): { bodyType: number; body: Uint8Array } {
  if (version === 4) return { bodyType: 2, body: reader.take(TD_REPORT_BYTES['1.0']) };
  const bodyType = reader.uint16();
  const length = reader.uint32();
  if (BODY_BYTES[bodyType] !== length) throw new RangeError('quote body is of another type or length');
  return { bodyType, body: reader.take(length) };
}

function certificationData(reader: ByteReader, type: number): ByteReader {
  if (reader.uint16() !== type) throw new RangeError('quote has certification data of another type');
  return new ByteReader(reader.take(reader.uint32()));
}

function parsePckChain(pem: Uint8Array): readonly Uint8Array[] {
  // The quoting library counts the C string's terminator in.
  const text = decodeUtf8(pem.at(-1) === 0 ? pem.subarray(0, -1) : pem);
  if (text === null) throw new RangeError('PCK certificate chain is not text');
  return decodePemChain(text);
}
