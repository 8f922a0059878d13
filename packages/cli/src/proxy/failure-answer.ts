import type { ServerResponse } from 'node:http';
import { APIError, ConfigurationError, SottoError } from '@sotto/protocol';
import { BodyTooLongError } from './read-request-body.ts';

/** Longest request body. */
export const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** A failure as an SDK of OpenAI's kind understands it. */
interface FailureAnswer {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs: number | null;
}

/** Statuses after which trying again may help. */
const RETRIED = new Set([408, 429, 500, 502, 503, 504]);

/** The body of an error of the proxy's own, in OpenAI's shape. */
export function proxyErrorBody(code: string, message: string): string {
  return JSON.stringify({ error: { message, type: 'sotto_proxy_error', param: null, code } });
}

/**
 * Tells a caller that its request failed. Before the head: an error with a status. After it: where the answer is a
 * stream of events, one that says so; and always a connection that breaks off, so that nobody takes half an answer
 * for a whole one.
 */
export function sendFailure(response: ServerResponse, error: unknown): void {
  const { status, code, message, retryAfterMs } = answerFor(error);
  const body = proxyErrorBody(code, message);
  if (!response.headersSent) {
    const wait = retryAfterMs === null ? {} : { 'retry-after-ms': String(Math.ceil(retryAfterMs)) };
    const retry = { 'x-should-retry': String(RETRIED.has(status)) };
    response.writeHead(status, { 'content-type': 'application/json', ...retry, ...wait }).end(body);
    return;
  }
  const isEvents = String(response.getHeader('content-type') ?? '').startsWith('text/event-stream');
  // A blank line first: the answer may have broken off in the middle of an event.
  if (isEvents) response.write(`\n\ndata: ${body}\n\n`);
  response.socket?.destroySoon();
}

function answerFor(error: unknown): FailureAnswer {
  if (error instanceof BodyTooLongError) {
    return failure(413, 'payload_too_large', `a request has at most ${MAX_BODY_BYTES} bytes`);
  }
  if (APIError.isInstance(error)) return failure(error.status, error.code, error.message, error.retryAfterMs);
  if (ConfigurationError.isInstance(error)) return failure(400, error.code, error.message);
  if (SottoError.isInstance(error)) {
    const unreachable = error.code === 'connection_failed' || error.code === 'connection_timeout';
    // A broken promise of the protocol is not to be tried again; a connection that failed is.
    return failure(unreachable ? 502 : 403, error.code, error.message);
  }
  return failure(502, 'internal_error', 'the proxy failed to carry the request');
}

function failure(
  status: number,
  code: string | null,
  message: string,
  retryAfterMs: number | null = null,
): FailureAnswer {
  return { status, code: code ?? 'internal_error', message, retryAfterMs };
}
