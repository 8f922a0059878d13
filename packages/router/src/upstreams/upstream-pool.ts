import { Pool } from 'undici';
import { parseUpstreamAddress } from '../config/address.ts';
import type { HeaderFields } from '../http/exchange.ts';
import { DispatchedCall } from './dispatched-call.ts';
import { pinnedConnector } from './pinned-tls.ts';
import { CountingClient, StaleSocketRetry, TracedRequest } from './stale-socket-retry.ts';
import type { UpstreamCall, UpstreamListener } from './upstream.ts';

/** Where a server is, and how long it is waited for. */
export interface UpstreamPoolOptions {
  /** `http(s)://host:port/v1` or `unix:/path:/v1`. */
  readonly baseUrl: string;
  /** SHA-256 of the keys one of which the server's certificate must have, lower-case hexadecimal. */
  readonly tlsSpkiSha256?: readonly string[] | undefined;
  readonly maxConcurrent: number;
  readonly connectTimeoutMs: number;
  /** To the first byte of an answer. */
  readonly firstByteTimeoutMs: number;
  /** Between two chunks of an answer. */
  readonly idleTimeoutMs: number;
}

/** A request as it goes over the wire. */
export interface PooledRequest {
  readonly method: 'GET' | 'POST';
  /** Below the base URL, with its query. */
  readonly path: string;
  readonly body: Uint8Array | null;
  readonly headers: HeaderFields;
}

const SOON = Promise.resolve();

/** The connections to one server, over undici's own dispatch. */
export class UpstreamPool {
  readonly #pool: Pool;
  readonly #origin: string;
  readonly #basePath: string;

  constructor(options: UpstreamPoolOptions) {
    const address = parseUpstreamAddress(options.baseUrl);
    this.#origin = address.origin;
    this.#basePath = address.basePath;
    const connect = {
      timeout: options.connectTimeoutMs,
      ...(address.socketPath === null ? {} : { socketPath: address.socketPath }),
    };
    this.#pool = new Pool(address.origin, {
      connections: options.maxConcurrent,
      pipelining: 1,
      factory: (origin, each) => new CountingClient(origin, each),
      connect: options.tlsSpkiSha256 === undefined ? connect : pinnedConnector(options.tlsSpkiSha256, connect),
      headersTimeout: options.firstByteTimeoutMs,
      bodyTimeout: options.idleTimeoutMs,
      keepAliveTimeout: 30_000,
    });
  }

  /** Begins a request; reports to `listener`, never before this returns. */
  start(request: PooledRequest, listener: UpstreamListener): UpstreamCall {
    const call = new DispatchedCall(listener);
    const traced = new TracedRequest(this.#origin, this.#basePath + request.path, request);
    // Never before this returns: undici reports some failures from inside dispatch. A promise's job, for
    // queueMicrotask makes a resource for the tracing of each.
    void SOON.then(() => {
      if (call.cancelled) return;
      const retry = new StaleSocketRetry(traced, call, this.#pool, () => listener.onResend?.());
      this.#pool.dispatch(traced, retry);
    });
    return call;
  }

  /** Ends calls under way with an error. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
