import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigurationError } from '@sotto/protocol';
import { proxyErrorBody } from './failure-answer.ts';
import { type Forwarded, type ForwardOptions, forwardSealed } from './forward.ts';
import { type Admission, ownHosts, type Refusal, refusalOf } from './guard.ts';
import { type ProxyStatus, statusPage } from './status-page.ts';

/** What the proxy is made of. */
export interface LocalProxyOptions extends ForwardOptions {
  readonly host: string;
  readonly port: number;
  /** Names beside its own that the proxy answers to. */
  readonly hosts: readonly string[];
  readonly origins: ReadonlySet<string>;
  /** How long a shutdown waits for what is under way. */
  readonly graceMs: number;
  /** What is known of the router now. */
  readonly describe: () => Omit<ProxyStatus, 'requests' | 'failures'>;
  /** Told of each request when it is over; the path is without its query. */
  readonly onRequest: (record: RequestRecord) => void;
}

/** A request as the log shows it. */
export interface RequestRecord extends Forwarded {
  readonly method: string;
  readonly path: string;
  readonly milliseconds: number;
}

/** A proxy that listens. */
export interface LocalProxy {
  readonly url: string;
  /** Stops listening; what is not over after the grace is cut off. */
  close(): Promise<void>;
}

const STATUS_PATH = '/sotto/status';
const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** Listens for plain requests of this machine's programs. @throws ConfigurationError `invalid_config` */
export async function startLocalProxy(options: LocalProxyOptions): Promise<LocalProxy> {
  let admission: Admission = { hosts: new Set(), origins: options.origins };
  let requests = 0;
  let failures = 0;

  const answer = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const refusal = refusalOf(message, admission);
    if (refusal !== null) return sendRefusal(response, refusal);
    const { method = 'GET', url = '/' } = message;
    const path = url.split('?', 1)[0] ?? '/';
    const reads = method === 'GET' || method === 'HEAD';
    if (reads && (path === '/' || path === STATUS_PATH)) {
      return sendStatus(response, path === '/', { ...options.describe(), requests, failures });
    }
    const { origin } = message.headers;
    if (origin !== undefined) allowOrigin(response, origin);
    if (method === 'OPTIONS') return sendPreflight(message, response);
    const startedMs = performance.now();
    const forwarded = await forwardSealed(message, response, options);
    requests++;
    if (forwarded.status === null || forwarded.status >= 400 || forwarded.failure !== null) failures++;
    options.onRequest({ ...forwarded, method, path, milliseconds: Math.round(performance.now() - startedMs) });
  };

  // No listener for upgrades: they come as the plain requests that they are as well.
  const server = createServer((message, response) => void answer(message, response));
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  admission = { ...admission, hosts: ownHosts(options.host, port, options.hosts) };
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    close: () => shutDown(server, options.graceMs),
  };
}

function listen(server: Server, { host, port }: LocalProxyOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'is in use already' : 'cannot be used';
      const message = `the address ${host}:${port} ${reason}: give another with --listen`;
      reject(new ConfigurationError(message, { code: 'invalid_config', cause: error }));
    });
    server.listen(port, host, resolve);
  });
}

function shutDown(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const grace = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(grace);
      resolve();
    });
    server.closeIdleConnections();
  });
}

function sendRefusal(response: ServerResponse, { status, code, message }: Refusal): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(proxyErrorBody(code, message));
}

function sendStatus(response: ServerResponse, isPage: boolean, status: ProxyStatus): void {
  const headers = {
    'content-type': isPage ? 'text/html; charset=utf-8' : 'application/json',
    'content-security-policy': PAGE_POLICY,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  };
  response.writeHead(200, headers).end(isPage ? statusPage(status) : JSON.stringify(status));
}

function allowOrigin(response: ServerResponse, origin: string): void {
  response.setHeader('access-control-allow-origin', origin);
  // SDKs read when to try again, and the request's id.
  response.setHeader('access-control-expose-headers', '*');
  response.setHeader('vary', 'origin');
}

function sendPreflight(message: IncomingMessage, response: ServerResponse): void {
  response
    .writeHead(204, {
      'access-control-allow-methods': 'GET, POST, DELETE',
      'access-control-allow-headers': message.headers['access-control-request-headers'] ?? '',
    })
    .end();
}
