import { APIUserAbortError, AttestationError } from '@sotto/protocol';

/** Codes that an attester fails with. */
export type AttesterErrorCode = 'evidence_missing' | 'evidence_malformed' | 'binding_mismatch' | 'type_unsupported';

/** What an attester's failure carries beside its message. */
export interface AttesterFailure {
  /** Which part failed: `attest.configfs-tsm`. */
  readonly step: string;
  readonly code?: AttesterErrorCode;
  /** Tells the operator what to do; holds nothing that the platform wrote. */
  readonly message: string;
  /** Whether another attempt may succeed with nothing mended. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** The error of an attester that made no evidence, or evidence that is worth nothing. */
export function attesterError(failure: AttesterFailure): AttestationError {
  const { step, code = 'evidence_missing', message, retryable = false, cause } = failure;
  return new AttestationError(message, { failures: [{ step, code, message }], retryable, cause });
}

/** The error of a caller who gave up. */
export function attestationAborted(): APIUserAbortError {
  return new APIUserAbortError('the attestation was aborted by its caller', { code: 'request_aborted' });
}
