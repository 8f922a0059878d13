import type { Duplex } from 'node:stream';
import type { APIError } from '@sotto/protocol';
import { endWithError } from '../http/socket-answer.ts';

/** Answers an upgrade with an error, as HTTP, and closes. */
export function refuseUpgrade(socket: Duplex, error: APIError): void {
  socket.once('finish', () => socket.destroy());
  const { retryAfterMs } = error;
  endWithError(socket, error, retryAfterMs === null ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) });
}
