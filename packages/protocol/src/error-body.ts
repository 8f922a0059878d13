import { apiErrorOfStatus } from './api-error.ts';
import type { AnyErrorCode, APIError } from './errors.ts';

/** OpenAI's error object, the body of every error answer. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string | null;
    readonly param: string | null;
    readonly code: string | null;
  };
  /** The message again, where NOMYO's clients look for it; present on nomyo-v1 routes. */
  readonly detail?: string;
}

/** The error as OpenAI's SDKs expect it. */
export function errorBody(error: APIError): ErrorBody {
  const { message, type, param, code } = error;
  return { error: { message, type, param, code } };
}

/** The error as both NOMYO's clients (`detail`) and OpenAI's (`error`) expect it. */
export function errorBodyWithDetail(error: APIError): ErrorBody {
  return { detail: error.message, ...errorBody(error) };
}

/** An error answer as it was received. */
export interface ReceivedError {
  readonly status: number;
  /** Header fields, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body's text, however malformed. */
  readonly body: string;
  /** Whether the answer came out of the ciphertext. */
  readonly authenticated: boolean;
}

const MAX_MESSAGE_CHARACTERS = 1_000;

/**
 * Makes the typed error of an error answer. Reads OpenAI's `error` object, a bare `error` string, FastAPI's
 * `detail`, and failing all of these speaks of the status alone.
 */
export function parseErrorBody(received: ReceivedError): APIError {
  const fields = readFields(received.body);
  return apiErrorOfStatus(received.status, fields.message ?? `the router answered with status ${received.status}`, {
    code: fields.code ?? defaultCode(received.status),
    type: fields.type,
    param: fields.param,
    headers: received.headers,
    requestId: received.headers['x-request-id'] ?? null,
    retryAfterMs: parseRetryAfter(received.headers, Date.now()),
    authenticated: received.authenticated,
  });
}

interface Fields {
  readonly message: string | null;
  readonly type: string | null;
  readonly param: string | null;
  readonly code: string | null;
}

function readFields(body: string): Fields {
  const none: Fields = { message: null, type: null, param: null, code: null };
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return none;
  }
  if (!isObject(parsed)) return none;
  const error = parsed['error'];
  if (isObject(error)) {
    return {
      message: text(error['message']) ?? text(parsed['detail']),
      type: text(error['type']),
      param: text(error['param']),
      code: text(error['code']),
    };
  }
  return { ...none, message: text(error) ?? text(parsed['detail']) ?? text(parsed['message']) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value.slice(0, MAX_MESSAGE_CHARACTERS) : null;
}

function defaultCode(status: number): AnyErrorCode {
  switch (status) {
    case 401:
      return 'invalid_api_key';
    case 404:
      return 'not_found';
    case 413:
      return 'payload_too_large';
    case 429:
      return 'rate_limit_exceeded';
    case 503:
      return 'upstream_unavailable';
    default:
      return status >= 500 ? 'internal_error' : 'invalid_request';
  }
}

/** Longest wait a `Retry-After` is believed for; a longer one is cut to this. */
const MAX_RETRY_AFTER_MS = 3_600_000;
/** An HTTP date begins with the day's name in all three of its forms (RFC 9110 §5.6.7); what else `Date` reads is none. */
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/;

/**
 * The wait that `retry-after-ms` or `Retry-After` (RFC 9110 §10.2.3: seconds or an HTTP date) asks for.
 * @returns milliseconds from `nowMs`, or null where neither field is there or readable.
 */
export function parseRetryAfter(headers: Readonly<Record<string, string>>, nowMs: number): number | null {
  const milliseconds = headers['retry-after-ms'];
  if (milliseconds !== undefined && /^\d+(\.\d+)?$/.test(milliseconds)) return clamp(Number(milliseconds));
  const value = headers['retry-after'];
  if (value === undefined) return null;
  if (/^\d+(\.\d+)?$/.test(value)) return clamp(Number(value) * 1000);
  if (!HTTP_DATE.test(value)) return null;
  // The oldest form names no zone and means UTC all the same (RFC 9110 §5.6.7).
  const date = Date.parse(value.endsWith('GMT') ? value : `${value} GMT`);
  return Number.isNaN(date) ? null : clamp(date - nowMs);
}

function clamp(milliseconds: number): number {
  return Math.min(Math.max(milliseconds, 0), MAX_RETRY_AFTER_MS);
}
