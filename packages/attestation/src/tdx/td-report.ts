import { encodeHex } from '@sotto/protocol';
import { ByteReader } from '../byte-reader.ts';

/** Bytes of a TD report body of TDX 1.0 and of 1.5 (Intel TDX DCAP Quoting Library API §A.3.2, §A.3.3). */
export const TD_REPORT_BYTES = { '1.0': 584, '1.5': 648 } as const;

/** What the TDX module says of a trust domain. Byte strings are lower-case hexadecimal but for `reportData`. */
export interface TdReport {
  readonly teeTcbSvn: Uint8Array;
  readonly mrSeam: string;
  readonly mrSignerSeam: string;
  readonly seamAttributes: Uint8Array;
  readonly attributes: TdAttributes;
  readonly xfam: string;
  readonly mrTd: string;
  readonly mrConfigId: string;
  readonly mrOwner: string;
  readonly mrOwnerConfig: string;
  readonly rtmr: readonly [string, string, string, string];
  readonly reportData: Uint8Array;
  /** TDX 1.5 only: the measurement of the service TD that is bound, zero where there is none. */
  readonly mrServiceTd: string | null;
}

/** Attributes of a trust domain (Intel TDX Module ABI §3.4.1). */
export interface TdAttributes {
  /** 8 bytes, hexadecimal as they lie. */
  readonly raw: string;
  /** The host can read the domain's memory, by any bit of the TUD group. */
  readonly debug: boolean;
  readonly septVeDisable: boolean;
  /** A service TD may move the domain to another platform. */
  readonly migratable: boolean;
}

/** Reads a TD report body of either length. Throws `RangeError`. */
export function parseTdReport(bytes: Uint8Array): TdReport {
  const reader = new ByteReader(bytes);
  const hex = (length: number) => encodeHex(reader.take(length));
  const teeTcbSvn = reader.take(16);
  const [mrSeam, mrSignerSeam] = [hex(48), hex(48)];
  const seamAttributes = reader.take(8);
  const attributes = parseAttributes(reader.take(8));
  const xfam = hex(8);
  const [mrTd, mrConfigId, mrOwner, mrOwnerConfig] = [hex(48), hex(48), hex(48), hex(48)];
  const rtmr = [hex(48), hex(48), hex(48), hex(48)] as const;
  const reportData = reader.take(64);
  let mrServiceTd: string | null = null;
  if (bytes.length === TD_REPORT_BYTES['1.5']) {
    reader.take(16); // TEE_TCB_SVN2: the module's version that runs now, where it has been updated since launch
    mrServiceTd = hex(48);
  }
  reader.end();
  return {
    teeTcbSvn,
    mrSeam,
    mrSignerSeam,
    seamAttributes,
    attributes,
    xfam,
    mrTd,
    mrConfigId,
    mrOwner,
    mrOwnerConfig,
    rtmr,
    reportData,
    mrServiceTd,
  };
}

function parseAttributes(bytes: Uint8Array): TdAttributes {
  const bits = new ByteReader(bytes).uint64();
  return {
    raw: encodeHex(bytes),
    debug: (bits & 0xffn) !== 0n, // TUD
    septVeDisable: (bits & (1n << 28n)) !== 0n, // SEPT_VE_DISABLE
    migratable: (bits & (1n << 29n)) !== 0n, // MIGRATABLE
  };
}
