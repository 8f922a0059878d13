import { AttestationError, type ErrorCode, type VerificationFailure } from '@sotto/protocol';

/** Codes that another attempt may not meet: evidence was too old, the key has been rotated, nobody answered. */
const RETRYABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'cert_expired',
  'crl_expired',
  'collateral_expired',
  'claims_expired',
  'key_mismatch',
  'fetch_failed',
]);

/** An {@link AttestationError} of one failure. */
export function attestationError(step: string, code: ErrorCode, message: string, cause?: unknown): AttestationError {
  return attestationErrorOf([{ step, code, message }], cause);
}

/** An {@link AttestationError} of several failures; it is retryable when all of them are. */
export function attestationErrorOf(
  failures: readonly [VerificationFailure, ...VerificationFailure[]],
  cause?: unknown,
): AttestationError {
  return new AttestationError(failures.map(({ message }) => message).join('; '), {
    failures,
    cause,
    retryable: failures.every(({ code }) => RETRYABLE.has(code)),
  });
}

/**
 * Runs a parser over bytes from outside. Readers of this package throw `RangeError`; it becomes one typed error.
 * @throws AttestationError with `code`
 */
export function parsing<T>(step: string, code: ErrorCode, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (AttestationError.isInstance(cause)) throw cause;
    throw attestationError(step, code, `${what} cannot be read`, cause);
  }
}
