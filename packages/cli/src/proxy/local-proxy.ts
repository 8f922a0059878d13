import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { ConfigurationError } from '@sotto/protocol';
import { type ForwardOptions, forwardSealed } from './forward.ts';
import { ownHosts, type Refusal, refusalOf } from './guard.ts';
import { type ProxyStatus, statusPage } from './status-page.ts';

/** What the proxy is made of. */
export interface LocalProxyOptions extends ForwardOptions {
  readonly host: string;
  readonly port: number;
  readonly origins: ReadonlySet<string>;
  /** What is known of the router now. */
  readonly describe: () => Omit<ProxyStatus, 'requests' | 'failures'>;
  /** Told of each request when it is over; the path is without its query. */
  readonly onRequest: (record: RequestRecord) => void;
}

/** A request as the log shows it. */
export interface RequestRecord {
  readonly method: string;
  readonly path: string;
  /** Null where the caller went away. */
  readonly status: number | null;
  readonly milliseconds: number;
}

/** A proxy that listens. */
export interface LocalProxy {
  readonly url: string;
  close(): Promise<void>;
}

const STATUS_PATH = '/sotto/status';
const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** Listens for plain requests of this machine's programs. @throws ConfigurationError `invalid_config` */
export async function startLocalProxy(options: LocalProxyOptions): Promise<LocalProxy> {
  let hosts: ReadonlySet<string> = new Set();
  let requests = 0;
  let failures = 0;
  const status = (): ProxyStatus => ({ ...options.describe(), requests, failures });

  const answer = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const refusal = refusalOf(message, hosts, options.origins);
    if (refusal !== null) return sendRefusal(response, refusal);
    const path = (message.url ?? '/').split('?', 1)[0] ?? '/';
    if (message.method === 'GET' && (path === '/' || path === STATUS_PATH)) return sendStatus(response, path, status());
    const { origin } = message.headers;
    if (origin !== undefined) allowOrigin(response, origin);
    if (message.method === 'OPTIONS') return sendPreflight(message, response);
    const startedMs = performance.now();
    const sent = await forwardSealed(message, response, options);
    requests++;
    if (sent === null || sent >= 400) failures++;
    const milliseconds = Math.round(performance.now() - startedMs);
    options.onRequest({ method: message.method ?? 'GET', path, status: sent, milliseconds });
  };

  const server = createServer((message, response) => void answer(message, response));
  server.on('upgrade', (message: IncomingMessage, socket: Socket) => {
    const refusal = refusalOf(message, hosts, options.origins);
    if (refusal !== null) socket.end(rawAnswer(refusal));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'is in use already' : 'cannot be used';
      reject(
        new ConfigurationError(`the address ${options.host}:${options.port} ${reason}`, {
          code: 'invalid_config',
          cause: error,
        }),
      );
    });
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  hosts = ownHosts(options.host, port);
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

function sendRefusal(response: ServerResponse, refusal: Refusal): void {
  response.writeHead(refusal.status, { 'content-type': 'application/json' }).end(refusalBody(refusal));
}

function refusalBody({ code, message }: Refusal): string {
  return JSON.stringify({ error: { message, type: 'sotto_proxy_error', param: null, code } });
}

function rawAnswer(refusal: Refusal): string {
  const body = refusalBody(refusal);
  const head = `HTTP/1.1 ${refusal.status} Refused\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close`;
  return `${head}\r\n\r\n${body}`;
}

function sendStatus(response: ServerResponse, path: string, status: ProxyStatus): void {
  const isPage = path === '/';
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
