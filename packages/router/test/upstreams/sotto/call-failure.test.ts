import {
  APIConnectionError,
  AttestationError,
  apiErrorOfStatus,
  ConfigurationError,
  type ErrorCode,
  PolicyError,
  SecurityError,
} from '@sotto/protocol';
import { errors } from 'undici';
import { describe, expect, test } from 'vitest';
import { callFailure } from '../../../src/upstreams/sotto/call-failure.ts';

const SECRET = 'https://enclave.example said sk-secret';
const failures = (code: ErrorCode) => ({ failures: [{ step: 'x', code, message: SECRET }] as const });
const connection = (cause?: unknown) => new APIConnectionError(SECRET, { code: 'connection_failed', cause });

describe('what a failed exchange with another router comes to', () => {
  test.each<[string, unknown, string]>([
    ['bad evidence', new AttestationError(SECRET, failures('signature_invalid')), 'upstream_not_attested'],
    ['evidence that has expired', new AttestationError(SECRET, failures('claims_expired')), 'upstream_not_attested'],
    ['a policy not met', new PolicyError(SECRET, failures('measurement_not_allowed')), 'upstream_not_attested'],
    ['another signer', new SecurityError(SECRET, { code: 'untrusted_signer' }), 'upstream_not_attested'],
    ['an old statement', new SecurityError(SECRET, { code: 'key_statement_rollback' }), 'upstream_not_attested'],
    ['evidence that cannot be had', new AttestationError(SECRET, failures('fetch_failed')), 'upstream_unavailable'],
    ['no connection', connection(), 'upstream_unavailable'],
    ['a load balancer', apiErrorOfStatus(502, SECRET, { code: 'response_not_sealed' }), 'upstream_unavailable'],
    ['silence', connection(new errors.HeadersTimeoutError()), 'upstream_timeout'],
    ['an answer in clear', new SecurityError(SECRET, { code: 'response_not_sealed' }), 'upstream_invalid_response'],
    ['a forged answer', new SecurityError(SECRET, { code: 'decryption_failed' }), 'upstream_invalid_response'],
    ['a wrong option', new ConfigurationError(SECRET, { code: 'invalid_option' }), 'internal_error'],
    ['a mistake of our own', new TypeError(SECRET), 'internal_error'],
  ])('%s', (_what, error, code) => {
    const failure = callFailure(error, false);
    expect(failure).toMatchObject({ code, cause: error });
    expect(failure.message).not.toContain('enclave');
  });

  test.each<[string, unknown, string]>([
    ['a cut', new SecurityError(SECRET, { code: 'response_truncated', cause: connection() }), 'upstream_failed'],
    ['a forged chunk', new SecurityError(SECRET, { code: 'decryption_failed' }), 'upstream_failed'],
    [
      'silence',
      new SecurityError(SECRET, { code: 'response_truncated', cause: connection(new errors.BodyTimeoutError()) }),
      'upstream_timeout',
    ],
  ])('%s, once the answer has begun', (_what, error, code) => {
    expect(callFailure(error, true).code).toBe(code);
  });

  test('patience that is asked for is passed on', () => {
    const error = apiErrorOfStatus(503, SECRET, { code: 'response_not_sealed', retryAfterMs: 2_000 });
    expect(callFailure(error, false).retryAfterMs).toBe(2_000);
  });
});
