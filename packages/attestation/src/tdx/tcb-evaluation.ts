import { encodeHex } from '@sotto/protocol';
import { attestationError } from '../verification-error.ts';
import type { TdQeIdentity, TdxTcbInfo } from './collateral.ts';
import type { EnclaveReport } from './enclave-report.ts';
import type { PckExtensions } from './pck-extensions.ts';
import { convergeTcbStatus, type TcbStatus } from './tcb-status.ts';
import type { TdReport } from './td-report.ts';

/** How up to date a platform is, by Intel's TCB info and quoting enclave identity. */
export interface TdxTcb {
  /** All parts joined. */
  readonly status: TcbStatus;
  readonly platform: TcbStatus;
  /** Null where the module is so old that the platform's level covers it. */
  readonly module: TcbStatus | null;
  readonly quotingEnclave: TcbStatus;
  /** Intel's security advisories for the levels that were reached. */
  readonly advisories: readonly string[];
  readonly evaluationDataNumber: number;
}

interface Level {
  readonly tcbStatus: TcbStatus;
  readonly advisoryIDs?: readonly string[] | undefined;
}

/**
 * Judges a platform (Intel TDX DCAP QVL, "TCB level": the first level, from the best down, that the platform is not
 * below of).
 * @throws AttestationError `qe_not_genuine`, `module_not_genuine` where the software is not Intel's
 */
export function evaluateTdxTcb(
  report: TdReport,
  qeReport: EnclaveReport,
  pck: PckExtensions,
  info: TdxTcbInfo,
  identity: TdQeIdentity,
): TdxTcb {
  checkQuotingEnclave(qeReport, identity);
  const platform = platformLevel(report, pck, info);
  const module = moduleLevel(report, info);
  const quotingEnclave = enclaveLevel(identity.tcbLevels, qeReport.isvSvn);
  const parts = [quotingEnclave, ...(module === null ? [] : [module])];
  const advisories = [platform, ...parts].flatMap(({ advisoryIDs }) => advisoryIDs ?? []);
  return {
    status: parts.reduce((status, part) => convergeTcbStatus(status, part.tcbStatus), platform.tcbStatus),
    platform: platform.tcbStatus,
    module: module?.tcbStatus ?? null,
    quotingEnclave: quotingEnclave.tcbStatus,
    advisories: [...new Set(advisories)].sort(),
    evaluationDataNumber: Math.min(info.tcbEvaluationDataNumber, identity.tcbEvaluationDataNumber),
  };
}

const NOT_SUPPORTED: Level = { tcbStatus: 'NotSupported' };

function checkQuotingEnclave(report: EnclaveReport, identity: TdQeIdentity): void {
  const genuine =
    report.mrSigner === identity.mrsigner &&
    report.isvProdId === identity.isvprodid &&
    matches(report.miscSelect, identity.miscselect, identity.miscselectMask) &&
    matches(report.attributes, identity.attributes, identity.attributesMask);
  if (!genuine) {
    throw attestationError('crypto.qe-identity', 'qe_not_genuine', 'the quote is not of the quoting enclave of Intel');
  }
}

function platformLevel(report: TdReport, pck: PckExtensions, info: TdxTcbInfo): Level {
  // From module version 1 on, components 0 and 1 are the module's own version, judged by its identity instead.
  const firstComponent = moduleVersion(report) > 0 ? 2 : 0;
  const level = info.tcbLevels.find(
    ({ tcb }) =>
      pck.components.every((svn, index) => svn >= (tcb.sgxtcbcomponents[index]?.svn ?? Number.POSITIVE_INFINITY)) &&
      pck.pceSvn >= tcb.pcesvn &&
      tcb.tdxtcbcomponents.every(({ svn }, index) => index < firstComponent || (report.teeTcbSvn[index] ?? -1) >= svn),
  );
  return level ?? NOT_SUPPORTED;
}

function moduleVersion(report: TdReport): number {
  return report.teeTcbSvn[1] ?? 0;
}

function moduleLevel(report: TdReport, info: TdxTcbInfo): Level | null {
  const version = moduleVersion(report);
  const id = `TDX_${version.toString(16).padStart(2, '0').toUpperCase()}`;
  const found = info.tdxModuleIdentities?.find((identity) => identity.id.toUpperCase() === id);
  if (version > 0 && found === undefined) return NOT_SUPPORTED;
  const identity = version > 0 && found !== undefined ? found : info.tdxModule;
  const genuine =
    report.mrSignerSeam === identity.mrsigner &&
    matches(report.seamAttributes, identity.attributes, identity.attributesMask);
  if (!genuine) {
    throw attestationError('crypto.tdx-module', 'module_not_genuine', 'the TDX module is not signed by Intel');
  }
  return version > 0 && found !== undefined ? enclaveLevel(found.tcbLevels, report.teeTcbSvn[0] ?? 0) : null;
}

function enclaveLevel(levels: readonly (Level & { readonly tcb: { readonly isvsvn: number } })[], svn: number): Level {
  return levels.find(({ tcb }) => tcb.isvsvn <= svn) ?? NOT_SUPPORTED;
}

/** Whether `bytes` under a mask are what Intel expects; both in lower-case hexadecimal. */
function matches(bytes: Uint8Array, expected: string, mask: string): boolean {
  const masked = bytes.map((byte, index) => byte & Number.parseInt(mask.slice(index * 2, index * 2 + 2), 16));
  return encodeHex(masked) === expected;
}
