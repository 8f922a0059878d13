import { type APIError, apiErrorOfStatus, parseErrorBody } from '@sotto/protocol';
import type { CollectedAnswer } from '../../http/collecting-sink.ts';
import type { HeaderFields } from '../../http/exchange.ts';

const KEPT = /^(retry-after|retry-after-ms|x-ratelimit-.*|allow)$/;

/** The header fields of the inner answer that the outer one keeps: those that speak of limits. */
export function keptHeaders(headers: HeaderFields): HeaderFields {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => KEPT.test(name)));
}

/**
 * The statuses this wire knows are 400 401 403 404 413 429 500 503; NOMYO's Python client loses the details of any
 * other.
 */
export function wireStatus(status: number): number {
  switch (status) {
    case 400:
    case 401:
    case 403:
    case 404:
    case 413:
    case 429:
    case 500:
    case 503:
      return status;
    case 504:
      return 503;
    default:
      return status >= 500 ? 500 : 400;
  }
}

/** The error for the wire of an error answer of the inner request. */
export function wireError(answer: CollectedAnswer): APIError {
  const inner = parseErrorBody({
    status: answer.status,
    headers: answer.headers,
    body: new TextDecoder().decode(answer.body),
    authenticated: true,
  });
  return onWire(inner, keptHeaders(answer.headers));
}

/** What a client is told to wait where nobody knows better: this wire has `Retry-After` on every 429 and 503. */
const DEFAULT_RETRY_AFTER_MS = 1_000;

/** An error with the status this wire gives it. */
export function onWire(error: APIError, headers: Readonly<Record<string, string>> = error.headers): APIError {
  const { code, type, param } = error;
  const status = wireStatus(error.status);
  const retryAfterMs = error.retryAfterMs ?? (status === 429 || status === 503 ? DEFAULT_RETRY_AFTER_MS : null);
  return apiErrorOfStatus(status, error.message, { code, type, param, retryAfterMs, headers });
}

/** Whether a client may send the very same bytes again after this status. */
export function invitesResend(status: number): boolean {
  return status === 429 || status >= 500;
}
