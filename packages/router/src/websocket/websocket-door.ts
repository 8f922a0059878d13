import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { apiError } from '@sotto/protocol';
import { WebSocketServer } from 'ws';
import { asApiError } from '../http/answer.ts';
import type { Handler, HeaderFields } from '../http/exchange.ts';
import { Connection, type ConnectionOptions } from './connection.ts';
import { type ConnectionLimits, maxMessageBytes } from './limits.ts';
import { chooseSubprotocol, presentedKey } from './presented-key.ts';
import { refuseUpgrade } from './refuse-upgrade.ts';

/** What the door needs of the rest of the router. */
export interface WebSocketDoorOptions {
  /** The router's one handler. */
  readonly handle: Handler;
  /** @throws AuthenticationError `missing_api_key`, `invalid_api_key` and whatever else a key is refused with */
  readonly authenticate: (headers: HeaderFields) => void;
  /** Whether model requests may come in clear, and whether sealed ones are taken. */
  readonly serves: { readonly clear: boolean; readonly sealed: boolean };
  /** Asked at each connection: they may change. */
  readonly settings: () => WebSocketSettings;
}

/** What the configuration says of connections. */
export interface WebSocketSettings {
  /** Origins of pages that may connect, `*` for all; what is no page has no origin and may always. */
  readonly origins: readonly string[];
  readonly maxConnections: number;
  readonly limits: ConnectionLimits;
}

/** The routes that can be reached by WebSocket, at `/v1/…` and `/api/v1/…`. */
const ROUTE = /^(?:\/api)?(\/v1\/(?:chat\/)?completions)\/?$/;
/** Connections that have not shown a key yet: they cost memory and nobody answers for them. */
const MAX_ANONYMOUS = 1_000;
/** Header fields of the upgrade that every request of the connection keeps. */
const KEPT_FIELDS = ['user-agent', 'x-security-tier'];

/** The WebSocket door: each message is a request to the router's one handler. */
export class WebSocketDoor {
  readonly #options: WebSocketDoorOptions;
  readonly #server: WebSocketServer;
  readonly #connections = new Set<Connection>();
  readonly #heartbeat: NodeJS.Timeout;
  #draining = false;

  constructor(options: WebSocketDoorOptions) {
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      // Lengths of compressed text tell of the text, and every connection would hold two windows of memory.
      perMessageDeflate: false,
      handleProtocols: (_offered, message) => chooseSubprotocol(fieldsOf(message)) ?? false,
    });
    this.#heartbeat = setInterval(() => this.#beat(), options.settings().limits.heartbeatMs).unref();
  }

  /** Connections open now. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Takes what `node:http` hands over at `upgrade`: a connection, or a refusal as HTTP. */
  upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Without a listener a reset socket would be an uncaught error.
    socket.on('error', () => socket.destroy());
    let options: ConnectionOptions;
    try {
      options = this.#connectionOptions(message);
    } catch (error) {
      refuseUpgrade(socket, asApiError(error));
      return;
    }
    this.#server.options.maxPayload = maxMessageBytes(options.limits.maxBodyBytes);
    this.#server.handleUpgrade(message, socket, head, (client) => {
      const connection = new Connection(client, options);
      this.#connections.add(connection);
      client.on('close', () => this.#connections.delete(connection));
      // Bytes and not messages: a long message may take longer than two heartbeats to come.
      socket.on('data', () => connection.hear());
    });
  }

  /** Refuses new connections, and closes those there are once what is under way on them is over. */
  drain(): void {
    this.#draining = true;
    for (const connection of this.#connections) connection.drain();
  }

  /** Has those that are still open told, when they close, to come back soon. */
  end(): void {
    for (const connection of this.#connections) connection.end();
  }

  /** Cuts all connections. */
  terminate(): void {
    this.#draining = true;
    clearInterval(this.#heartbeat);
    for (const connection of this.#connections) connection.terminate();
  }

  #connectionOptions(message: IncomingMessage): ConnectionOptions {
    const { serves, handle, authenticate } = this.#options;
    const { limits } = this.#options.settings();
    const { pathname, query } = targetOf(message.url ?? '/');
    const path = ROUTE.exec(pathname)?.[1];
    if (path === undefined) throw apiError('not_found', 'there is no WebSocket at this path');
    if (!serves.clear && !serves.sealed) {
      throw apiError('sealed_request_required', 'this router takes encrypted requests only');
    }
    const headers = fieldsOf(message);
    this.#checkOrigin(headers['origin']);
    chooseSubprotocol(headers);
    const credential = serves.clear ? this.#credential(headers, query) : null;
    this.#checkRoom(credential === null);
    return {
      path,
      headers: keptFields(headers),
      credential,
      clearIsOpen: serves.clear,
      handle,
      authenticate,
      limits,
    };
  }

  /**
   * No preflight comes before a WebSocket (RFC 6455 §10.2): unless the origin is checked here, any page could connect
   * to a router that lets everybody in.
   */
  #checkOrigin(origin: string | undefined): void {
    const { origins } = this.#options.settings();
    if (origin === undefined || origins.includes('*') || origins.includes(origin)) return;
    throw apiError(
      'origin_not_allowed',
      'pages of this origin may not connect: the operator can allow it in cors.origins',
    );
  }

  /** The key of the upgrade, checked; null where it has none and one is needed: it may follow in a message. */
  #credential(headers: HeaderFields, query: string): HeaderFields | null {
    const presented = presentedKey(headers, query);
    try {
      this.#options.authenticate(presented ?? {});
    } catch (error) {
      if (presented === null && asApiError(error).code === 'missing_api_key') return null;
      throw error;
    }
    return presented ?? {};
  }

  #checkRoom(isAnonymous: boolean): void {
    const wait = { retryAfterMs: 1_000 };
    if (this.#draining) throw apiError('shutting_down', 'the router is shutting down: try again', wait);
    const { size } = this.#connections;
    const full = size >= this.#options.settings().maxConnections || (isAnonymous && this.#anonymous() >= MAX_ANONYMOUS);
    if (full) throw apiError('overloaded', 'the router has too many connections: try again shortly', wait);
  }

  #anonymous(): number {
    let count = 0;
    for (const connection of this.#connections) if (connection.isAnonymous) count++;
    return count;
  }

  #beat(): void {
    for (const connection of this.#connections) connection.beat();
  }
}

function keptFields(headers: HeaderFields): HeaderFields {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => KEPT_FIELDS.includes(name)));
}

function fieldsOf(message: IncomingMessage): HeaderFields {
  // node:http joins every repeated field but set-cookie, which is a response's field.
  return message.headers as HeaderFields;
}

function targetOf(url: string): { readonly pathname: string; readonly query: string } {
  const mark = url.indexOf('?');
  return mark < 0 ? { pathname: url, query: '' } : { pathname: url.slice(0, mark), query: url.slice(mark + 1) };
}
