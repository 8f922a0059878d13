import type { IncomingMessage, ServerResponse } from 'node:http';
import { APIError, SottoError } from '@sotto/protocol';
import { BodyTooLongError, readRequestBody } from './read-request-body.ts';

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

const MAX_BODY_BYTES = 32 * 1024 * 1024;
/** Fields of the local connection, and those that the way to the router makes anew. */
const LEFT_OUT = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'cookie',
  'expect',
  'host',
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

/**
 * Carries one plain request to the router, sealed, and its answer back, chunk by chunk.
 * @returns the status that the caller got, or null where it went away before
 */
export async function forwardSealed(
  message: IncomingMessage,
  response: ServerResponse,
  options: ForwardOptions,
): Promise<number | null> {
  const gone = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  try {
    const answer = await options.fetch(
      `${options.routerUrl}${message.url ?? '/'}`,
      await initOf(message, options, gone.signal),
    );
    response.writeHead(answer.status, keptFields(answer.headers));
    response.flushHeaders();
    await pipeBody(answer, response);
    return answer.status;
  } catch (error) {
    if (gone.signal.aborted) return null;
    return sendFailure(response, error);
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

function keptFields(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !LEFT_OUT.has(name)));
}

async function pipeBody(answer: Response, response: ServerResponse): Promise<void> {
  const reader = answer.body?.getReader();
  if (reader !== undefined) {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      if (!response.write(part.value)) await drained(response);
    }
  }
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once('drain', resolve);
    response.once('close', resolve);
  });
}

/** Before the head: an error in OpenAI's shape. After it: an event that says so, and a connection that breaks off. */
function sendFailure(response: ServerResponse, error: unknown): number {
  const { status, code, message } = describe(error);
  const body = JSON.stringify({ error: { message, type: 'sotto_proxy_error', param: null, code } });
  if (!response.headersSent) {
    response.writeHead(status, {
      'content-type': 'application/json',
      'x-should-retry': status === 403 ? 'false' : 'true',
    });
    response.end(body);
    return status;
  }
  const isEvents = String(response.getHeader('content-type') ?? '').startsWith('text/event-stream');
  if (isEvents) response.write(`\n\ndata: ${body}\n\n`);
  response.socket?.destroySoon();
  return status;
}

function describe(error: unknown): { readonly status: number; readonly code: string; readonly message: string } {
  if (error instanceof BodyTooLongError) {
    return { status: 413, code: 'payload_too_large', message: `a request has at most ${MAX_BODY_BYTES} bytes` };
  }
  if (APIError.isInstance(error)) return { status: error.status, code: error.code, message: error.message };
  // A broken promise of the protocol is not to be tried again; a connection that failed is.
  if (SottoError.isInstance(error)) {
    const unreachable = error.code === 'connection_failed' || error.code === 'connection_timeout';
    return { status: unreachable ? 502 : 403, code: error.code, message: error.message };
  }
  return { status: 502, code: 'internal_error', message: 'the proxy failed to carry the request' };
}
