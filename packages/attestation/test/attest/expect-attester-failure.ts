import { AttestationError } from '@sotto/protocol';

/** What an attester or a service of collateral failed with. */
export interface AttesterOutcome {
  readonly code: unknown;
  readonly step: string;
  readonly retryable: boolean;
  readonly message: string;
}

/** Waits for a failure with an AttestationError. */
export async function attesterFailure(attestation: Promise<unknown>): Promise<AttesterOutcome> {
  const error = await attestation.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!AttestationError.isInstance(error)) throw error ?? new RangeError('expected a failure');
  const { code, step, retryable, message } = error;
  return { code, step, retryable, message };
}
