import { APIError, apiError, type ErrorBody, errorBody } from '@sotto/protocol';
import type { Exchange, HeaderFields, ResponseSink } from './exchange.ts';

/** Answers with one body. */
export function sendBytes(sink: ResponseSink, status: number, headers: HeaderFields, body: Uint8Array): void {
  if (sink.whole !== undefined) {
    sink.whole(status, headers, body);
    return;
  }
  sink.head(status, { ...headers, 'content-length': String(body.length) });
  sink.write(body);
  sink.end();
}

/** Answers with a body that its `etag` names, or with 304 where the caller has that one (RFC 9110 §13.1.2). */
export function sendTagged(
  { request, sink }: Exchange,
  headers: HeaderFields & { readonly etag: string },
  body: Uint8Array,
): void {
  if (request.headers['if-none-match'] === headers.etag) {
    sink.head(304, headers);
    sink.end();
  } else {
    sendBytes(sink, 200, headers, body);
  }
}

/** Answers with JSON. */
export function sendJson(sink: ResponseSink, status: number, value: unknown, headers: HeaderFields = {}): void {
  const body = Buffer.from(JSON.stringify(value));
  sendBytes(sink, status, { 'content-type': 'application/json', ...headers }, body);
}

/** Answers with an error. `form` makes the body: OpenAI's by default. */
export function sendError(sink: ResponseSink, error: APIError, form: (error: APIError) => ErrorBody = errorBody): void {
  const retryAfter =
    error.retryAfterMs === null
      ? {}
      : {
          'retry-after': String(Math.ceil(error.retryAfterMs / 1000)),
          'retry-after-ms': String(Math.ceil(error.retryAfterMs)),
        };
  sendJson(sink, error.status, form(error), { ...error.headers, ...retryAfter });
}

/** What a caller is told of an error: a typed one as it is, anything else as an internal error without detail. */
export function asApiError(error: unknown): APIError {
  if (APIError.isInstance(error)) return error;
  return apiError('internal_error', 'the router failed; the request id tells its operator where to look', {
    cause: error,
  });
}
