import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type APIError, apiError, ConfigurationError } from '@sotto/protocol';
import { type ListenAddress, parseListenAddress } from './config/address.ts';
import { parseConfig } from './config/parse.ts';
import type { RouterConfig, RouterConfigInput } from './config/schema.ts';
import type { GenerationSeed } from './hpke-keys/key-generation.ts';
import { sendError } from './http/answer.ts';
import { answerClientError } from './http/client-error.ts';
import type { Exchange } from './http/exchange.ts';
import { nodeExchange } from './http/node-exchange.ts';
import type { PreparedConfig } from './present-serving.ts';
import type { Router } from './router.ts';
import { ServerLife } from './server-life.ts';
import { readTlsContext } from './tls-context.ts';
import { ignoreUpgrade, isWebSocketUpgrade } from './websocket/other-upgrade.ts';
import { refuseUpgrade } from './websocket/refuse-upgrade.ts';

/** A router that listens. */
export interface RouterServer {
  /** `http://127.0.0.1:12434`, or `unix:/path`. */
  readonly url: string;
  /**
   * Tells probes, stops listening after the configured delay, lets what is under way finish, and closes. What is not
   * over after the configured grace is ended with the error `shutting_down`, and never as if it were whole.
   */
  close(): Promise<void>;
  /** Cuts whatever is under way, and has a {@link RouterServer.close} end soon. */
  terminate(): void;
  /**
   * Reads another configuration and all that it names, its certificate too. Nothing changes before it is committed.
   * @throws ConfigurationError `invalid_config`, `invalid_key_file`: also where a key has changed that needs a restart
   */
  prepare(input: RouterConfigInput, shared?: GenerationSeed): Promise<PreparedConfig>;
}

/** Longest wait for a request's header fields: a client that trickles them is cut off. */
const HEADERS_TIMEOUT_MS = 30_000;
const MAX_CHECKING_INTERVAL_MS = 5_000;
/** Longer than load balancers keep theirs, so that they close first. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

/**
 * Listens where the configuration says.
 * @param listen another address in its place, where several processes share one that the first of them got
 * @throws ConfigurationError `invalid_config` where the address or the certificate cannot be used
 */
export async function serve(router: Router, listen = router.config.listen): Promise<RouterServer> {
  const { config } = router;
  const life = new ServerLife(router);
  const server = await makeServer(config, (message, response) => {
    const exchange = nodeExchange(message, response);
    // While balancers take note, connections that are kept alive end one by one.
    if (life.leaving) exchange.sink.preset({ connection: 'close' });
    const fault = headerFault(message, config.limits.headers);
    // `handle` never rejects: what goes wrong has become an error answer.
    if (fault === null) void router.handle(exchange);
    else refuse(exchange, fault);
  });
  // The platform drops what is beyond its count, and says nothing: let one more through, so that it is noticed.
  server.maxHeadersCount = config.limits.headers + 1;
  server.on('clientError', answerClientError);
  server.on('upgrade', (message, socket, head) => {
    const fault = headerFault(message, config.limits.headers);
    if (fault !== null) refuseUpgrade(socket, fault);
    else if (isWebSocketUpgrade(message)) router.webSockets.upgrade(message, socket, head);
    else ignoreUpgrade(server, message, socket, head);
  });
  const address = parseListenAddress(listen);
  if (address === null) throw new ConfigurationError('listen: no such address', { code: 'invalid_config' });
  await bind(server, address);
  return {
    url: urlOf(server, address, config.tls !== undefined),
    close: () => life.close(server),
    terminate: () => life.terminate(server),
    prepare: async (input, shared) => {
      const { tls } = parseConfig(input);
      const context = tls === undefined ? null : await readTlsContext(tls);
      const prepared = await router.prepare(input, shared);
      return {
        ...prepared,
        commit: () => {
          prepared.commit();
          // Connections that there are keep the certificate that they began with.
          if (context !== null && server instanceof TlsServer) server.setSecureContext(context);
        },
      };
    },
  };
}

function headerFault(message: IncomingMessage, max: number): APIError | null {
  if (message.rawHeaders.length > 2 * max) {
    return apiError('headers_too_large', `a request has at most ${max} header fields here`);
  }
  // RFC 9112 §3.2: a request without it is a 400.
  if (message.headers.host !== undefined || message.httpVersion === '1.0') return null;
  return apiError('invalid_request', 'the header field Host is missing');
}

function refuse({ id, sink }: Exchange, error: APIError): void {
  sink.preset({ 'x-request-id': id, connection: 'close' });
  sendError(sink, error);
}

async function makeServer(config: RouterConfig, listener: RequestListener): Promise<Server> {
  const requestTimeout = config.limits.requestSeconds * 1_000;
  const options = {
    maxHeaderSize: config.limits.headerBytes,
    headersTimeout: Math.min(HEADERS_TIMEOUT_MS, requestTimeout),
    requestTimeout,
    // How often the two are looked after.
    connectionsCheckingInterval: Math.min(MAX_CHECKING_INTERVAL_MS, requestTimeout),
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    noDelay: true,
    // Looked for here, so that the answer is one of ours.
    requireHostHeader: false,
  };
  if (config.tls === undefined) return createServer(options, listener);
  return createTlsServer({ ...options, ...(await readTlsContext(config.tls)) }, listener);
}

function bind(server: Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'is in use already' : `cannot be used (${error.code ?? 'unknown'})`;
      const name = address.kind === 'unix' ? address.path : `${address.host}:${address.port}`;
      reject(new ConfigurationError(`listen: the address ${name} ${reason}`, { code: 'invalid_config', cause: error }));
    });
    const ready = (): void => resolve();
    if (address.kind === 'unix') server.listen(address.path, ready);
    else server.listen(address.port, address.host, ready);
  });
}

function urlOf(server: Server, address: ListenAddress, encrypted: boolean): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const { port } = server.address() as AddressInfo;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${encrypted ? 'https' : 'http'}://${host}:${port}`;
}
