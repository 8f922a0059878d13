import { AttestationError } from '@sotto/protocol';
import { expect } from 'vitest';

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
  if (!AttestationError.isInstance(error)) throw new RangeError('expected an AttestationError', { cause: error });
  const { code, step, retryable, message } = error;
  return { code, step, retryable, message };
}

/** Matches a message that tells the operator this. */
export function messageOf(pattern: RegExp): unknown {
  return expect.stringMatching(pattern);
}
