import { type APIError, apiError, apiErrorOfStatus, parseErrorBody, parseRetryAfter } from '@sotto/protocol';
import type { HeaderFields } from '../http/exchange.ts';

/** Error bodies are read to this length; the rest says nothing new. */
export const MAX_ERROR_BYTES = 65_536;

/**
 * Turns an upstream's error answer into the router's own. What concerns the caller's request (400, 404, 413, 422)
 * keeps the upstream's words; what concerns the router's account with the upstream (401, 403, 402) and its
 * failures (5xx) does not: those may name keys, hosts and quotas.
 */
export function upstreamError(status: number, headers: HeaderFields, body: Uint8Array): APIError {
  const retryAfterMs = parseRetryAfter(headers, Date.now());
  if (status === 429) {
    return apiError('rate_limit_exceeded', 'the model server takes no more requests for now', { retryAfterMs });
  }
  if (status === 503) {
    return apiError('upstream_unavailable', 'the model server is not ready', { retryAfterMs });
  }
  if (status === 504 || status === 408) {
    return apiError('upstream_timeout', 'the model server did not answer in time', { retryAfterMs });
  }
  if (status >= 400 && status < 500 && status !== 401 && status !== 402 && status !== 403 && status !== 407) {
    const told = parseErrorBody({ status, headers: {}, body: new TextDecoder().decode(body), authenticated: true });
    const code = told.code === 'not_found' ? 'model_not_found' : told.code;
    return apiErrorOfStatus(status === 422 ? 400 : status, told.message, { code, type: told.type, param: told.param });
  }
  return apiError('upstream_failed', `the model server failed with status ${status}`);
}

/** By then another router, or this one's successor, can answer. */
const RETRY_MS = 1_000;

/** The error of calls that the router's end leaves unanswered. */
export function shuttingDown(): APIError {
  return apiError('shutting_down', 'the router is shutting down: try again', { retryAfterMs: RETRY_MS });
}

/** Refusals of a tier, which another upstream of that tier may well take. */
const TIER_REFUSALS: readonly string[] = ['upstream_not_attested', 'tier_not_available'];

/** Whether another upstream may do better with the same request. */
export function isWorthFailover(error: APIError): boolean {
  return error.status >= 500 || error.status === 429 || TIER_REFUSALS.includes(error.code);
}
