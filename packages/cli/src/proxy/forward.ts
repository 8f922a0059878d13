import type { IncomingMessage, ServerResponse } from 'node:http';
import { ConfigurationError, SottoError } from '@sotto/protocol';
import { MAX_BODY_BYTES, sendFailure } from './failure-answer.ts';
import { BodyBrokeOffError, readRequestBody } from './read-request-body.ts';

/** A `fetch` whose requests nobody on the way can read. */
export type SealedFetch = (url: string, init: RequestInit) => Promise<Response>;

/** What the proxy sends requests with. */
export interface ForwardOptions {
  readonly fetch: SealedFetch;
  /** The router's address, without a slash at its end. */
  readonly routerUrl: string;
  /** Takes the place of whatever key the caller sends; null passes the caller's on. */
  readonly apiKey: string | null;
}

/** How a request ended. */
export interface Forwarded {
  /** The status that the caller got; null where it went away before the end. */
  readonly status: number | null;
  /** Why the router gave no answer, or not all of one. */
  readonly failure: SottoError | null;
}

/** Fields of the local connection, and those that the way to the router makes anew. */
const LEFT_OUT = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'cookie',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'origin',
  'proxy-authorization',
  'proxy-connection',
  'referer',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Carries one plain request to the router, sealed, and its answer back, chunk by chunk. Never rejects. */
export async function forwardSealed(
  message: IncomingMessage,
  response: ServerResponse,
  options: ForwardOptions,
): Promise<Forwarded> {
  const gone = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  try {
    const init = await initOf(message, options, gone.signal);
    const answer = await options.fetch(`${options.routerUrl}${message.url ?? '/'}`, init);
    // One by one: the response forgets fields that come with `writeHead`, and a failure later looks at their type.
    for (const [name, value] of answer.headers) if (!LEFT_OUT.has(name)) response.setHeader(name, value);
    response.writeHead(answer.status);
    response.flushHeaders();
    await pipeBody(answer, response);
    return { status: answer.status, failure: null };
  } catch (error) {
    if (gone.signal.aborted || error instanceof BodyBrokeOffError) return { status: null, failure: null };
    sendFailure(response, error);
    const isOfRouter = SottoError.isInstance(error) && !ConfigurationError.isInstance(error);
    return { status: response.statusCode, failure: isOfRouter ? error : null };
  }
}

async function initOf(message: IncomingMessage, { apiKey }: ForwardOptions, signal: AbortSignal): Promise<RequestInit> {
  const headers = new Headers();
  for (const [name, value] of Object.entries(message.headers)) {
    if (!LEFT_OUT.has(name) && value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  if (apiKey !== null) {
    headers.delete('x-api-key');
    headers.set('authorization', `Bearer ${apiKey}`);
  }
  const method = message.method ?? 'GET';
  const bodiless = method === 'GET' || method === 'HEAD';
  return {
    method,
    headers,
    signal,
    body: bodiless ? null : new Uint8Array(await readRequestBody(message, MAX_BODY_BYTES)),
  };
}

async function pipeBody(answer: Response, response: ServerResponse): Promise<void> {
  const reader = answer.body?.getReader();
  if (reader !== undefined) {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      if (!response.write(part.value) && !response.destroyed) await drained(response);
    }
  }
  response.end();
}

/** Settles when the caller has taken what was written, or is gone. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off('drain', settle);
      response.off('close', settle);
      resolve();
    };
    response.on('drain', settle);
    response.on('close', settle);
  });
}
