import type { IncomingMessage } from 'node:http';

/** The body was longer than the proxy takes. */
export class BodyTooLongError extends Error {
  override readonly name = 'BodyTooLongError';
}

/** The caller went away before its body was whole. */
export class BodyBrokeOffError extends Error {
  override readonly name = 'BodyBrokeOffError';
}

/**
 * Reads a request's body into memory, so that it can be sealed again if the router's key has changed.
 * @throws BodyTooLongError while the rest is still coming: it is taken in and thrown away, since a caller whose
 *   connection is reset would not see the answer
 * @throws BodyBrokeOffError
 */
export function readRequestBody(message: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    if (Number(message.headers['content-length'] ?? 0) > maxBytes) reject(new BodyTooLongError());
    message.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= maxBytes) {
        chunks.push(chunk);
        return;
      }
      chunks.length = 0;
      reject(new BodyTooLongError());
    });
    message.on('end', () => resolve(Buffer.concat(chunks)));
    message.on('error', () => reject(new BodyBrokeOffError()));
    message.on('close', () => reject(new BodyBrokeOffError()));
  });
}
