import { AttestationError } from '@sotto/protocol';
import { attesterError } from '../attester-error.ts';

export const TSM_STEP = 'attest.configfs-tsm';

/** The operations that the kernel's errors are told apart by. */
export type TsmOperation = 'entry' | 'inblob' | 'privlevel' | 'outblob' | 'read';

const NO_INTERFACE =
  'the kernel has no TSM report interface here: take Linux 6.7 or later, mount configfs, load sev-guest or tdx-guest; ' +
  'in a container pass -v /sys/kernel/config:/sys/kernel/config';
const NOT_WRITABLE =
  'the TSM report interface cannot be written to: run the attester as root, with configfs writable (systemd: ' +
  'ProtectKernelTunables=no; containers: mount it read-write; SELinux: allow it)';
const HOST_FAILED =
  'the firmware or the host did not make a report: on TDX look at the quote generation service and its PCCS, on ' +
  'SEV-SNP at the host log; after ENOTTY the guest must be restarted';
const BUSY = 'the TSM report interface is busy with another request: try again';
const REPORT_TOO_LONG =
  'the report is longer than the kernel or this attester takes: update the kernel or the attester';

interface TsmMessage {
  readonly message: string;
  readonly retryable?: boolean;
}

/** By errno (Documentation/ABI/testing/configfs-tsm-report, and drivers/virt/coco of Linux 6.7 and later). */
const MESSAGES: Readonly<Record<string, TsmMessage>> = {
  ENOENT: { message: NO_INTERFACE },
  ENOTDIR: { message: NO_INTERFACE },
  EROFS: { message: NOT_WRITABLE },
  EACCES: { message: NOT_WRITABLE },
  EPERM: { message: NOT_WRITABLE },
  ENXIO: { message: 'no TEE is registered with the kernel, or its firmware failed: is this a confidential guest?' },
  EINVAL: { message: 'the kernel refused the request: report data or privilege level are not what it takes' },
  EFAULT: { message: 'the kernel refused an empty write: this is an error of the attester, report it' },
  EFBIG: { message: REPORT_TOO_LONG },
  EBUSY: { message: BUSY, retryable: true },
  EWOULDBLOCK: { message: BUSY, retryable: true },
  EAGAIN: { message: BUSY, retryable: true },
  EIO: { message: HOST_FAILED, retryable: true },
  ETIMEDOUT: { message: HOST_FAILED, retryable: true },
  EINTR: { message: HOST_FAILED, retryable: true },
  ENOTTY: { message: HOST_FAILED },
};

/** Reports of a TEE that came out empty: kernels before the status check let a failed GetQuote pass (TDX). */
export function emptyReport(): AttestationError {
  return attesterError({
    step: `${TSM_STEP}.outblob`,
    message: 'the report is empty: the quote generation service or its PCCS failed; look at their logs on the host',
    retryable: true,
  });
}

/** What went wrong at `operation`, for the operator. Errors that are typed already pass through. */
export function tsmFailure(operation: TsmOperation, cause: unknown): AttestationError {
  if (AttestationError.isInstance(cause)) return cause;
  const step = `${TSM_STEP}.${operation}`;
  if (cause instanceof RangeError) return attesterError({ step, message: REPORT_TOO_LONG, cause });
  const errno = errnoOf(cause);
  const known = errno === null ? undefined : MESSAGES[errno];
  const message = known?.message ?? 'the TSM report interface failed';
  return attesterError({
    step,
    message: errno === null ? message : `${message} (${errno})`,
    retryable: known?.retryable ?? false,
    cause,
  });
}

/** The errno of a system error. @returns null for an error of another kind */
export function errnoOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  return typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code) ? error.code : null;
}
