import type { IncomingMessage } from 'node:http';

/** The body was longer than the proxy takes. */
export class BodyTooLongError extends Error {
  override readonly name = 'BodyTooLongError';
}

/** Reads a request's body into memory, so that it can be sealed again if the router's key has changed. */
export async function readRequestBody(message: IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (Number(message.headers['content-length'] ?? 0) > maxBytes) throw new BodyTooLongError();
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of message) {
    if (!(chunk instanceof Buffer)) continue;
    length += chunk.length;
    if (length > maxBytes) throw new BodyTooLongError();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
