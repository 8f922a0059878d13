import { type APIError, apiError, type ErrorBody, errorBody } from '@sotto/protocol';
import { z } from 'zod';
import type { HeaderFields } from '../../http/exchange.ts';
import { readJsonObject } from '../../http/json-object.ts';

const errorAnswer = z.object({ error: z.object({ type: z.string(), message: z.string() }) });

/** The API tells of its customer's account with status 400 too: those words are the operator's business. */
const ACCOUNT_WORDS = /credit balance|billing|organi[sz]ation|workspace|api key/i;

/** An error in OpenAI's form, still under the upstream's status. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: HeaderFields;
  readonly body: ErrorBody;
}

/**
 * Translates an error answer (Anthropic's API reference, "Errors"). Words stay only where they concern the caller's
 * request; for the rest, `retry-after` stays.
 */
export function translateError(status: number, headers: HeaderFields, body: Uint8Array): ErrorAnswer {
  const parsed = errorAnswer.safeParse(readJsonObject(body));
  const message = parsed.success ? parsed.data.error.message : 'the model server refused the request';
  const code = codeOf(status);
  if (code !== null && !ACCOUNT_WORDS.test(message)) {
    return { status, headers: {}, body: errorBody(apiError(code, message)) };
  }
  return {
    status: code !== null ? FORBIDDEN : status === OVERLOADED ? UNAVAILABLE : status,
    headers: retryFields(headers),
    body: errorBody(apiError('upstream_failed', 'the model server failed')),
  };
}

/** Anthropic's API reference, "Errors": `overloaded_error`. */
const OVERLOADED = 529;
const UNAVAILABLE = 503;
const FORBIDDEN = 403;
/** Statuses that speak of the account, its credential, its limits, or a time-out. */
const NOT_THE_REQUEST = [401, 402, 403, 407, 408, 429];

/** The code of an error that the caller can mend, or null. */
function codeOf(status: number): 'invalid_request' | 'model_not_found' | 'payload_too_large' | null {
  if (status < 400 || status >= 500 || NOT_THE_REQUEST.includes(status)) return null;
  return status === 404 ? 'model_not_found' : status === 413 ? 'payload_too_large' : 'invalid_request';
}

/** What an `error` event in a stream stands for. */
export function streamedError(type: string): APIError {
  switch (type) {
    case 'overloaded_error':
      return apiError('upstream_unavailable', 'the model server is not ready');
    case 'rate_limit_error':
      return apiError('rate_limit_exceeded', 'the model server takes no more requests for now');
    case 'timeout_error':
      return apiError('upstream_timeout', 'the model server did not answer in time');
    default:
      return apiError('upstream_failed', 'the model server failed in the middle of its answer');
  }
}

function retryFields(headers: HeaderFields): HeaderFields {
  const kept = ['retry-after', 'retry-after-ms'].map((name) => [name, headers[name]] as const);
  return Object.fromEntries(kept.filter((field): field is [string, string] => field[1] !== undefined));
}
