import { concatBytes, encodeHex } from '@sotto/protocol';
import { ByteReader, isZero } from '../byte-reader.ts';
import type { SevProduct } from '../roots.ts';
import { parseSnpGuestPolicy, type SnpGuestPolicy } from './guest-policy.ts';

/** Bytes of an attestation report (AMD 56860 §7.3, table 23). */
export const SNP_REPORT_BYTES = 1_184;
const SIGNED_BYTES = 0x2a0;
const COMPONENT_BYTES = 48; // of P-384
const COMPONENT_FIELD_BYTES = 72; // AMD 56860 §10.2.2: little-endian, zero extended
const ECDSA_P384_SHA384 = 1; // AMD 56860 §10, table 139
const SIGNER = { 0: 'vcek', 1: 'vlek' } as const;

/** Version of the SNP firmware, in the order it compares. */
export interface SnpFirmware {
  readonly major: number;
  readonly minor: number;
  readonly build: number;
}

/** An attestation report, parsed; nothing is verified yet. Identifiers are lower-case hexadecimal. */
export interface SnpReport {
  readonly version: number;
  readonly guestSvn: number;
  readonly policy: SnpGuestPolicy;
  readonly familyId: string;
  readonly imageId: string;
  readonly vmpl: number;
  /** Bits of PLATFORM_INFO; later firmware adds to them. */
  readonly platformInfo: bigint;
  readonly signer: 'vcek' | 'vlek';
  /** The firmware was told to leave the chip's identity out. */
  readonly chipKeyMasked: boolean;
  readonly reportData: Uint8Array;
  readonly measurement: string;
  readonly hostData: string;
  readonly idKeyDigest: string;
  readonly authorKeyDigest: string;
  readonly reportId: string;
  /** Null in version 2, which does not say, and for a processor that is not known. */
  readonly cpuProduct: SevProduct | null;
  readonly chipId: Uint8Array;
  /** TCB versions, 8 bytes each, to be read as the product has them. */
  readonly tcb: Readonly<Record<'current' | 'reported' | 'committed' | 'launch', Uint8Array>>;
  readonly firmware: Readonly<Record<'current' | 'committed', SnpFirmware>>;
  /** What the signature covers. */
  readonly signed: Uint8Array;
  /** r ‖ s, big-endian. */
  readonly signature: Uint8Array;
}

/** Reads a report of version 2 to 5. Throws `RangeError`; every reserved byte must be zero. */
export function parseSnpReport(bytes: Uint8Array): SnpReport {
  if (bytes.length !== SNP_REPORT_BYTES) throw new RangeError('SNP report is not of 1,184 bytes');
  const reader = new ByteReader(bytes);
  const hex = (length: number) => encodeHex(reader.take(length));

  const version = reader.uint32();
  if (version < 2 || version > 5) throw new RangeError('SNP report is not of version 2 to 5');
  const guestSvn = reader.uint32();
  const policy = parseSnpGuestPolicy(reader.uint64());
  const [familyId, imageId] = [hex(16), hex(16)];
  const vmpl = reader.uint32();
  if (reader.uint32() !== ECDSA_P384_SHA384) throw new RangeError('SNP report is not signed with ECDSA P-384');
  const current = reader.take(8);
  const platformInfo = reader.uint64();
  const { signer, chipKeyMasked } = parseKeyFlags(reader.uint32());
  reader.reserved(4);
  const reportData = reader.take(64);
  const [measurement, hostData] = [hex(48), hex(32)];
  const [idKeyDigest, authorKeyDigest] = [hex(48), hex(48)];
  const reportId = hex(32);
  reader.take(32); // REPORT_ID_MA: of a migration agent, which is refused with the policy bit that allows one
  const reported = reader.take(8);
  const cpuProduct = parseCpu(reader, version);
  const chipId = reader.take(64);
  const committed = reader.take(8);
  const firmware = { current: parseFirmware(reader), committed: parseFirmware(reader) };
  const launch = reader.take(8);
  if (version >= 5) reader.take(16); // LAUNCH_MIT_VECTOR and CURRENT_MIT_VECTOR: mitigations, informative
  reader.reserved(SIGNED_BYTES - reader.offset);
  const signature = parseSignature(reader);
  reader.end();

  return {
    version,
    guestSvn,
    policy,
    familyId,
    imageId,
    vmpl,
    platformInfo,
    signer,
    chipKeyMasked,
    reportData,
    measurement,
    hostData,
    idKeyDigest,
    authorKeyDigest,
    reportId,
    cpuProduct,
    chipId,
    tcb: { current, reported, committed, launch },
    firmware,
    signed: bytes.subarray(0, SIGNED_BYTES),
    signature,
  };
}

function parseKeyFlags(flags: number): { signer: 'vcek' | 'vlek'; chipKeyMasked: boolean } {
  // Bit 0 AUTHOR_KEY_EN, bit 1 MASK_CHIP_KEY, bits 2 to 4 SIGNING_KEY (0 VCEK, 1 VLEK, 7 none), the rest reserved.
  const key = flags >>> 2;
  if (key !== 0 && key !== 1) throw new RangeError('SNP report is not signed with a VCEK or VLEK');
  return { signer: SIGNER[key], chipKeyMasked: (flags & 2) !== 0 };
}

function parseCpu(reader: ByteReader, version: number): SevProduct | null {
  if (version < 3) {
    reader.reserved(24);
    return null;
  }
  const [family, model] = [reader.uint8(), reader.uint8()];
  reader.uint8(); // stepping
  reader.reserved(21);
  const product = productOfCpu(family, model);
  if (product === null) throw new RangeError('SNP report is of a processor that is not known');
  return product;
}

/** AMD's families and models: 19h 00h to 0Fh Milan, 10h to 1Fh Genoa, A0h to AFh Bergamo and Siena, 1Ah 00h to 11h Turin. */
function productOfCpu(family: number, model: number): SevProduct | null {
  if (family === 0x1a) return model <= 0x11 ? 'Turin' : null;
  if (family !== 0x19) return null;
  if (model <= 0x0f) return 'Milan';
  // Bergamo and Siena have Genoa's keys and TCB layout.
  return model <= 0x1f || (model >= 0xa0 && model <= 0xaf) ? 'Genoa' : null;
}

function parseFirmware(reader: ByteReader): SnpFirmware {
  const [build, minor, major] = [reader.uint8(), reader.uint8(), reader.uint8()];
  reader.reserved(1);
  return { major, minor, build };
}

function parseSignature(reader: ByteReader): Uint8Array {
  const component = () => {
    const bytes = reader.take(COMPONENT_BYTES).slice().reverse();
    reader.reserved(COMPONENT_FIELD_BYTES - COMPONENT_BYTES);
    return bytes;
  };
  const signature = concatBytes(component(), component());
  if (isZero(signature)) throw new RangeError('SNP report has no signature');
  reader.reserved(SNP_REPORT_BYTES - reader.offset);
  return signature;
}
