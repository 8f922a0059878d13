/**
 * Every error code that this project raises, with the HTTP status a router answers it with (`null`: raised on
 * the client's side only, never sent). Codes are stable: programs branch on them, messages may change.
 *
 * docs/errors.md says for each what causes it and what to do; a test holds the two together.
 */
export const ERROR_CODES = {
  // The request itself
  invalid_json: 400,
  invalid_request: 400,
  invalid_envelope: 400,
  unsupported_version: 400,
  unsupported_algorithm: 400,
  invalid_public_key: 400,
  decryption_failed: 400,
  binding_mismatch: 400,
  replayed_request: 400,
  invalid_security_tier: 400,
  missing_api_key: 401,
  invalid_api_key: 401,
  model_not_allowed: 403,
  tier_not_allowed: 403,
  tier_not_available: 403,
  sealed_request_required: 403,
  not_found: 404,
  model_not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  payload_too_large: 413,
  unsupported_media_type: 415,
  headers_too_large: 431,
  rate_limit_exceeded: 429,
  // The router and what stands behind it
  internal_error: 500,
  upstream_invalid_response: 502,
  upstream_failed: 502,
  upstream_unavailable: 503,
  overloaded: 503,
  shutting_down: 503,
  upstream_timeout: 504,
  // The client's side
  connection_failed: null,
  connection_timeout: null,
  request_aborted: null,
  insecure_transport: null,
  key_mismatch: null,
  response_not_authentic: null,
  response_truncated: null,
  invalid_response: null,
  invalid_option: null,
  invalid_key_file: null,
  wrong_key_password: null,
  unsupported_runtime: null,
  invalid_config: null,
} as const satisfies Record<string, number | null>;

/** A stable, snake_case error code of this project. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Whether `value` is one of this project's own codes; codes of an upstream pass through as plain strings. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_CODES, value);
}
