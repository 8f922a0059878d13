import type { ResponseBody, Transport } from '@sotto/client';
import { APIConnectionError } from '@sotto/protocol';
import { type Dispatcher, Pool } from 'undici';

/** Where a router is, and how long it is waited for. */
export interface RouterTransportOptions {
  readonly origin: string;
  readonly maxConcurrent: number;
  readonly connectTimeoutMs: number;
  /** To the first byte of an answer. */
  readonly firstByteTimeoutMs: number;
  /** Between two chunks of an answer. */
  readonly idleTimeoutMs: number;
}

/** How long an idle connection is kept: less than a router keeps it, so that it is never found closed. */
const KEEP_ALIVE_MS = 30_000;

/** Carries sealed requests to one router, over connections that are kept. */
export class RouterTransport implements Transport {
  readonly #pool: Pool;

  constructor(options: RouterTransportOptions) {
    this.#pool = new Pool(options.origin, {
      connections: options.maxConcurrent,
      pipelining: 1,
      connect: { timeout: options.connectTimeoutMs },
      headersTimeout: options.firstByteTimeoutMs,
      bodyTimeout: options.idleTimeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
    });
  }

  async send({ method, url, headers, body, signal }: Parameters<Transport['send']>[0]) {
    const { origin, pathname, search } = new URL(url);
    if (!isWhole(body)) throw new TypeError('this transport streams no requests');
    let answer: Dispatcher.ResponseData;
    try {
      // An answer that is sealed does not shrink.
      const sent = { 'accept-encoding': 'identity', ...headers };
      answer = await this.#pool.request({ origin, path: pathname + search, method, headers: sent, body, signal });
    } catch (error) {
      throw broken(error);
    }
    return { status: answer.statusCode, headers: joined(answer.headers), body: bodyOf(answer.body) };
  }

  /** Ends what is under way with an error. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

function isWhole(body: Parameters<Transport['send']>[0]['body']): body is string | Uint8Array | null {
  return body === null || typeof body === 'string' || body instanceof Uint8Array;
}

function joined(headers: Dispatcher.ResponseData['headers']): Readonly<Record<string, string>> {
  const fields = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
  );
  return Object.fromEntries(fields);
}

function bodyOf(body: Dispatcher.ResponseData['body']): ResponseBody {
  return {
    async *[Symbol.asyncIterator]() {
      try {
        // Left early, a readable destroys itself and its connection.
        for await (const chunk of body) {
          if (chunk instanceof Uint8Array) yield chunk;
        }
      } catch (error) {
        throw broken(error);
      }
    },
    async cancel() {
      body.on('error', () => undefined); // that it is given up is no news
      body.destroy();
    },
  };
}

function broken(cause: unknown): APIConnectionError {
  return new APIConnectionError('the connection to the router failed', { code: 'connection_failed', cause });
}
