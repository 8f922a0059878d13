import { Readable } from 'node:stream';
import { Agent, type Dispatcher, request } from 'undici';
import { connectionFailed, type ResponseBody, type Transport, type TransportRequest } from '../transport.ts';

/** How long an idle connection is kept for the next request, where the router does not say less. */
const KEEP_ALIVE_MS = 30_000;

/**
 * Carries requests over undici, with connections kept alive.
 * @param dispatcher default: an agent of its own, whose idle connections do not keep the process running
 */
export function undiciTransport(dispatcher: Dispatcher = defaultAgent()): Transport {
  return {
    streamsUploads: true,
    async send({ method, url, headers, body, signal }) {
      let answer: Dispatcher.ResponseData;
      try {
        // No compression: a sealed answer does not shrink, and its length must not depend on the plaintext.
        const sent = { 'accept-encoding': 'identity', ...headers };
        answer = await request(url, { dispatcher, method, headers: sent, body: sendable(body), signal });
      } catch (error) {
        throw connectionFailed(error);
      }
      return { status: answer.statusCode, headers: flatten(answer.headers), body: bodyOf(answer.body) };
    },
  };
}

function sendable(body: TransportRequest['body']): string | Uint8Array | Readable | null {
  const isWhole = body === null || typeof body === 'string' || body instanceof Uint8Array;
  return isWhole ? body : Readable.from(body, { objectMode: false });
}

function defaultAgent(): Agent {
  // The client's own deadline covers an attempt as a whole: no second clock beside it.
  return new Agent({ keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: 0, bodyTimeout: 0 });
}

function flatten(headers: Dispatcher.ResponseData['headers']): Readonly<Record<string, string>> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

function bodyOf(body: Dispatcher.ResponseData['body']): ResponseBody {
  return {
    async *[Symbol.asyncIterator]() {
      try {
        // A readable that is left early destroys itself, and with it the connection.
        for await (const chunk of body) {
          if (chunk instanceof Uint8Array) yield chunk;
        }
      } catch (error) {
        throw connectionFailed(error);
      }
    },
    async cancel() {
      // Destroying a body that has not ended emits an error that is of no interest any more.
      body.on('error', () => undefined);
      body.destroy();
    },
  };
}
