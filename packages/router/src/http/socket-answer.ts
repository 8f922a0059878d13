import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type APIError, errorBody } from '@sotto/protocol';
import type { HeaderFields } from './exchange.ts';

/** Writes an error to a socket whose request `node:http` answers no more, and ends it. */
export function endWithError(socket: Duplex, error: APIError, headers: HeaderFields): void {
  const body = JSON.stringify(errorBody(error));
  const fields: HeaderFields = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
    connection: 'close',
  };
  const head = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}`,
    ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
