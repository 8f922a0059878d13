import { AttestationError, ConfigurationError, PolicyError, SottoError } from '@sotto/protocol';

/** What a rejected verification says: class, and the codes of all its failures. */
export interface Failure {
  readonly error: 'AttestationError' | 'PolicyError' | 'ConfigurationError';
  readonly codes: readonly unknown[];
  readonly steps: readonly string[];
}

/** Waits for a verification that must fail with a typed error. */
export async function failureOf(verification: Promise<unknown> | (() => unknown)): Promise<Failure> {
  try {
    await (typeof verification === 'function' ? verification() : verification);
  } catch (error) {
    if (AttestationError.isInstance(error)) return describe('AttestationError', error);
    if (PolicyError.isInstance(error)) return describe('PolicyError', error);
    if (ConfigurationError.isInstance(error)) return { error: 'ConfigurationError', codes: [error.code], steps: [] };
    throw error;
  }
  throw new SottoError('expected a failure', { code: 'internal_error' });
}

function describe(error: Failure['error'], { failures }: AttestationError | PolicyError): Failure {
  return { error, codes: failures.map(({ code }) => code), steps: failures.map(({ step }) => step) };
}

/** The one code that a verification fails with. */
export async function codeOf(verification: Promise<unknown> | (() => unknown)): Promise<string> {
  const { error, codes } = await failureOf(verification);
  return `${error} ${codes.join(' ')}`;
}
