import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type APIError, errorBody } from '@sotto/protocol';

/** Answers an upgrade with an error, as HTTP, and closes. */
export function refuseUpgrade(socket: Duplex, error: APIError): void {
  const body = JSON.stringify(errorBody(error));
  const head = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}`,
    'connection: close',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    ...(error.retryAfterMs === null ? [] : [`retry-after: ${Math.ceil(error.retryAfterMs / 1000)}`]),
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
