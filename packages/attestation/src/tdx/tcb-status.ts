/** Intel's verdicts on a TCB level, and `NotSupported` where no level fits (Intel PCS API v4, TCB info). */
export const TCB_STATUSES = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
  'NotSupported',
] as const;

export type TcbStatus = (typeof TCB_STATUSES)[number];

/** Statuses a policy may allow: a revoked platform, and one that Intel does not list, are never good enough. */
export const ALLOWABLE_TCB_STATUSES = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
] as const satisfies readonly TcbStatus[];

/**
 * Joins the platform's status with that of a part of it, the quoting enclave or the TDX module (Intel DCAP QVL,
 * convergence of statuses): what is out of date in a part is so in the whole.
 */
export function convergeTcbStatus(platform: TcbStatus, part: TcbStatus): TcbStatus {
  if (platform === 'NotSupported' || part === 'NotSupported') return 'NotSupported';
  if (platform === 'Revoked' || part === 'Revoked') return 'Revoked';
  if (part !== 'OutOfDate') return part === 'UpToDate' ? platform : 'NotSupported';
  switch (platform) {
    case 'UpToDate':
    case 'SWHardeningNeeded':
    case 'OutOfDate':
      return 'OutOfDate';
    case 'ConfigurationNeeded':
    case 'ConfigurationAndSWHardeningNeeded':
    case 'OutOfDateConfigurationNeeded':
      return 'OutOfDateConfigurationNeeded';
  }
}
