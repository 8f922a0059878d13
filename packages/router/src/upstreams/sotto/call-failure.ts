import {
  APIConnectionError,
  APIError,
  AttestationError,
  apiError,
  ConfigurationError,
  type ErrorCode,
  PolicyError,
  SottoError,
} from '@sotto/protocol';
import { errors } from 'undici';

/** A router whose keys nobody vouches for: signed by somebody else, not signed, or rolled back. */
const UNVOUCHED: ReadonlySet<string> = new Set<ErrorCode>([
  'untrusted_signer',
  'invalid_key_statement',
  'key_statement_expired',
  'key_statement_rollback',
  'invalid_key_config',
  'unsupported_key_config',
  'key_mismatch',
  'downgrade_refused',
]);

/**
 * What a failed exchange with another router comes to, in words that hold neither its address nor its own.
 * `upstream_not_attested` says that nothing was sealed to it.
 * @param begun whether its answer had begun
 */
export function callFailure(error: unknown, begun: boolean): APIError {
  const cause = { cause: error };
  if (isOutage(error)) return apiError('upstream_unavailable', 'the other router cannot be asked for evidence', cause);
  if (isUnproved(error)) {
    const message = 'no router that offers this model has proved what the tier asks for: nothing was sent there';
    return apiError('upstream_not_attested', message, cause);
  }
  if (timedOut(error)) return apiError('upstream_timeout', 'the other router did not answer in time', cause);
  if (isOwnMistake(error)) {
    return apiError('internal_error', 'the router failed at this request', cause);
  }
  if (begun) return apiError('upstream_failed', 'the other router broke off its answer', cause);
  if (APIError.isInstance(error)) {
    const retryAfterMs = error.retryAfterMs;
    return apiError('upstream_unavailable', 'the other router takes no requests for now', { ...cause, retryAfterMs });
  }
  if (APIConnectionError.isInstance(error)) {
    return apiError('upstream_unavailable', 'the other router cannot be reached', cause);
  }
  return apiError('upstream_invalid_response', 'what answers is not the other router, or no router', cause);
}

/** Evidence that could not be had says nothing of the router. */
function isOutage(error: unknown): boolean {
  return AttestationError.isInstance(error) && error.code === 'fetch_failed';
}

function isUnproved(error: unknown): boolean {
  if (AttestationError.isInstance(error) || PolicyError.isInstance(error)) return true;
  return SottoError.isInstance(error) && UNVOUCHED.has(error.code);
}

function isOwnMistake(error: unknown): boolean {
  return !SottoError.isInstance(error) || ConfigurationError.isInstance(error);
}

/** The transport's own error stands below what the layers above made of it. */
function timedOut(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof errors.HeadersTimeoutError || each instanceof errors.BodyTimeoutError) return true;
  }
  return false;
}
