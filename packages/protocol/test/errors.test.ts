import { describe, expect, test, vi } from 'vitest';
import { apiError, apiErrorOfStatus } from '../src/api-error.ts';
import { ERROR_CODES, isErrorCode } from '../src/error-codes.ts';
import * as errors from '../src/errors.ts';

const API_CLASSES = [
  [400, errors.InvalidRequestError, 'invalid_request_error'],
  [401, errors.AuthenticationError, 'authentication_error'],
  [403, errors.ForbiddenError, 'permission_error'],
  [404, errors.NotFoundError, 'not_found_error'],
  [413, errors.PayloadTooLargeError, 'invalid_request_error'],
  [429, errors.RateLimitError, 'rate_limit_error'],
  [500, errors.ServerError, 'server_error'],
  [502, errors.ServerError, 'server_error'],
  [503, errors.ServiceUnavailableError, 'service_unavailable_error'],
  [504, errors.ServerError, 'server_error'],
] as const;

const OTHER_CLASSES = [
  errors.SottoError,
  errors.APIConnectionError,
  errors.APITimeoutError,
  errors.APIUserAbortError,
  errors.SecurityError,
  errors.ConfigurationError,
] as const;

const FAILURE = { step: 'binding', code: 'evidence_missing', message: 'none' } as const;

describe('the class of an error', () => {
  test.each(API_CLASSES)('is settled by status %i', (status, Class, type) => {
    const error = apiErrorOfStatus(status, 'x', { code: 'upstream_says' });
    expect(error.constructor).toBe(Class);
    expect(error).toMatchObject({ status, type, code: 'upstream_says', name: Class.errorName });
  });

  test('is the plain APIError for a status without one of its own', () => {
    for (const status of [402, 405, 408, 415, 418, 422, 431]) {
      const error = apiErrorOfStatus(status, 'x', { code: 'x' });
      expect(error.constructor, String(status)).toBe(errors.APIError);
    }
  });

  test('has its own name written out, whatever a minifier calls it', () => {
    for (const Class of OTHER_CLASSES as readonly (typeof errors.SottoError)[]) {
      const { renamed } = { renamed: class extends Class {} };
      expect(new Class('x', { code: 'internal_error' }).name).toBe(Class.errorName);
      expect(new renamed('x', { code: 'internal_error' }).name).toBe(Class.errorName);
    }
  });

  test('sits below the classes a caller may catch instead', () => {
    const error = apiError('overloaded', 'x');
    for (const Class of [errors.ServiceUnavailableError, errors.ServerError, errors.APIError, errors.SottoError]) {
      expect(error).toBeInstanceOf(Class);
      expect(Class.isInstance(error)).toBe(true);
    }
    expect(errors.RateLimitError.isInstance(error)).toBe(false);
    const late = new errors.APITimeoutError('x', { code: 'connection_timeout' });
    expect(errors.APIConnectionError.isInstance(late)).toBe(true);
    expect(errors.APIError.isInstance(late)).toBe(false);
  });
});

describe('isInstance', () => {
  test('knows every class from another loaded copy of the package', async () => {
    vi.resetModules();
    const copy = await import('../src/errors.ts');
    expect(copy.SottoError).not.toBe(errors.SottoError);
    for (const [status, Class] of API_CLASSES) {
      const foreign = new copy[Class.errorName as 'APIError']('x', { code: 'x', status });
      expect(foreign).not.toBeInstanceOf(Class);
      expect(Class.isInstance(foreign), Class.errorName).toBe(true);
      expect(errors.APIError.isInstance(foreign)).toBe(true);
      expect(errors.SecurityError.isInstance(foreign)).toBe(false);
    }
    for (const Class of OTHER_CLASSES) {
      const foreign = new copy[Class.errorName as 'SottoError']('x', { code: 'x' });
      expect(Class.isInstance(foreign), Class.errorName).toBe(true);
    }
    for (const Class of [errors.AttestationError, errors.PolicyError]) {
      const foreign = new copy[Class.errorName as 'PolicyError']('x', { failures: [FAILURE] });
      expect(Class.isInstance(foreign), Class.errorName).toBe(true);
      expect(errors.SecurityError.isInstance(foreign)).toBe(true);
    }
  });

  test('is false for whatever is not an error of this project', () => {
    const brand = Symbol.for('sotto.error');
    for (const value of [null, undefined, 'x', new Error('x'), {}, { [brand]: 'SottoError' }, { [brand]: null }]) {
      expect(errors.SottoError.isInstance(value)).toBe(false);
    }
  });
});

describe('an error', () => {
  test('keeps its cause, and has none where none is given', () => {
    const cause = new Error('underneath');
    expect(new errors.SottoError('x', { code: 'internal_error', cause }).cause).toBe(cause);
    expect('cause' in new errors.SottoError('x', { code: 'internal_error' })).toBe(false);
  });

  test('of an API answer says unauthenticated, and null for what nobody told, until told otherwise', () => {
    const error = new errors.APIError('x', { status: 418, code: 'x' });
    expect(error).toMatchObject({
      param: null,
      type: null,
      requestId: null,
      retryAfterMs: null,
      headers: {},
      authenticated: false,
    });
  });

  test('of evidence or policy carries the first failure in front', () => {
    const second = { step: 'policy.tcb', code: 'tcb_below_minimum', message: 'old' } as const;
    const error = new errors.AttestationError('x', { failures: [FAILURE, second], retryable: true });
    expect(error).toMatchObject({ code: 'evidence_missing', step: 'binding', retryable: true });
    expect(error.failures).toHaveLength(2);
    expect(new errors.AttestationError('x', { failures: [FAILURE] }).retryable).toBe(false);
    const refused = new errors.PolicyError('x', { failures: [second] });
    expect(refused).toMatchObject({ code: 'tcb_below_minimum', step: 'policy.tcb' });
  });
});

describe('an error code', () => {
  test('that a router sends has a status, and makes the error of that status', () => {
    for (const [code, status] of Object.entries(ERROR_CODES)) {
      expect(code).toMatch(/^[a-z][a-z_]*[a-z]$/);
      if (status === null) continue;
      const error = apiError(code as 'invalid_json', 'x');
      expect(error).toMatchObject({ code, status });
      expect(error.constructor).toBe(apiErrorOfStatus(status, 'x', { code }).constructor);
    }
  });

  test('is told from a string that merely looks like one', () => {
    expect(isErrorCode('decryption_failed')).toBe(true);
    for (const value of ['toString', '__proto__', 'constructor', '', 'nope', 400, null]) {
      expect(isErrorCode(value)).toBe(false);
    }
  });
});
