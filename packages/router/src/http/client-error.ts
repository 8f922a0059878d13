import type { Duplex } from 'node:stream';
import { type APIError, apiError } from '@sotto/protocol';
import { newRequestId } from './request-id.ts';
import { endWithError } from './socket-answer.ts';

/**
 * Answers a client whose request never became one: it came too slowly, its header fields are too long, or it is not
 * HTTP. Listens to `clientError` of a `node:http` server.
 */
export function answerClientError(error: Error & { readonly code?: string }, socket: Duplex): void {
  // A reset socket takes no answer, and neither does one in the middle of another.
  if (error.code === 'ECONNRESET' || !socket.writable || hasAnswered(socket)) {
    socket.destroy();
    return;
  }
  endWithError(socket, clientError(error.code), { 'x-request-id': newRequestId() });
}

function clientError(code: string | undefined): APIError {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return apiError('request_timeout', 'the request did not arrive in time');
    case 'HPE_HEADER_OVERFLOW':
      return apiError('headers_too_large', 'the header fields are longer than this router takes');
    default:
      return apiError('invalid_request', 'this is not a request in HTTP/1.1');
  }
}

/** Whether `node:http` has begun an answer on the socket: bytes of ours would fall in the middle of it. */
function hasAnswered(socket: Duplex): boolean {
  const answer: unknown = '_httpMessage' in socket ? socket._httpMessage : null;
  return typeof answer === 'object' && answer !== null && 'headersSent' in answer && answer.headersSent === true;
}
