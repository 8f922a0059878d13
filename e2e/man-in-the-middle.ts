import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';

/** A message as it passes by, in clear: what whoever terminates TLS has in hand. */
export interface PassingRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** An answer on its way back. */
export interface PassingAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What the one in the middle does; without it, messages pass unchanged. */
interface Attack {
  /** Returns what goes on to the router, or an answer made up on the spot. */
  readonly onRequest?: (
    seen: PassingRequest,
  ) => Promise<PassingRequest | PassingAnswer> | PassingRequest | PassingAnswer;
  readonly onAnswer?: (seen: PassingAnswer, to: PassingRequest) => Promise<PassingAnswer> | PassingAnswer;
}

/** A proxy between client and router that can do to messages what a TLS-terminating middlebox can. */
export interface ManInTheMiddle {
  readonly url: string;
  /** The sealed requests that passed, as they came. */
  readonly seen: readonly PassingRequest[];
  /** Paths of all that was asked for, with their queries. */
  readonly asked: readonly string[];
  attack(attack: Attack): void;
  close(): Promise<void>;
}

const HOP_BY_HOP = new Set(['connection', 'host', 'content-length', 'transfer-encoding', 'keep-alive', 'expect']);

function endToEnd(headers: IncomingHttpHeaders): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

/** Sends a message to a router. */
export async function sendOn(router: string, message: PassingRequest): Promise<PassingAnswer> {
  const answer = await request(`${router}${message.path}`, {
    method: message.method === 'GET' || message.method === 'OPTIONS' ? message.method : 'POST',
    headers: endToEnd(message.headers),
    body: message.method === 'POST' ? message.body : null,
  });
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body: Buffer.from(await answer.body.arrayBuffer()),
  };
}

/** How the one in the middle stands there. */
export interface MiddleOptions {
  /** A certificate for `localhost` that clients trust, and its key: PEM. Without it, http. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

/** Starts one between a client and the router at `router`, which may be known only later. */
export async function startManInTheMiddle(
  router: string | (() => string),
  { tls }: MiddleOptions = {},
): Promise<ManInTheMiddle> {
  let current: Attack = {};
  const seen: PassingRequest[] = [];
  const asked: string[] = [];

  const answerTo = async (message: PassingRequest): Promise<PassingAnswer> => {
    const outcome = (await current.onRequest?.(message)) ?? message;
    if ('status' in outcome) return outcome;
    const answer = await sendOn(typeof router === 'string' ? router : router(), outcome);
    return (await current.onAnswer?.(answer, message)) ?? answer;
  };

  const listener: RequestListener = (incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { method = 'GET', url: path = '/', headers } = incoming;
      const message = { method, path, headers, body: Buffer.concat(chunks) };
      asked.push(path);
      if (method === 'POST') seen.push(message);
      answerTo(message).then(
        (answer) => response.writeHead(answer.status, endToEnd(answer.headers)).end(answer.body),
        () => response.destroy(),
      );
    });
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `${tls === undefined ? 'http://127.0.0.1' : 'https://localhost'}:${(server.address() as AddressInfo).port}`,
    seen,
    asked,
    attack: (attack) => {
      current = attack;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
