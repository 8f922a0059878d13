import { Client, type Dispatcher, errors } from 'undici';
import type { HeaderFields } from '../http/exchange.ts';

/** A request to dispatch, which learns whose connection it goes over. */
export class TracedRequest implements Dispatcher.DispatchOptions {
  readonly origin: string;
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly body: Uint8Array | null;
  readonly headers: HeaderFields;
  connection: CountingClient | null = null;

  constructor(origin: string, path: string, from: Pick<TracedRequest, 'method' | 'body' | 'headers'>) {
    this.origin = origin;
    this.path = path;
    this.method = from.method;
    this.body = from.body;
    this.headers = from.headers;
  }
}

/** One connection of a pool, which counts the answers that came over its socket. */
export class CountingClient extends Client {
  answers = 0;

  constructor(origin: string | URL, options: Client.Options) {
    super(origin, options);
    this.on('connect', () => {
      this.answers = 0;
    });
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (options instanceof TracedRequest) options.connection = this;
    return super.dispatch(options, handler);
  }
}

/** A closed idle socket shows within a round trip; what takes longer may be a request that crashed the server. */
const STALE_WITHIN_MS = 1_000;
const RESET_CODES: readonly string[] = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'];

/** A handler with every event that an answer has. */
type AnswerHandler = Dispatcher.DispatchHandler &
  Required<
    Pick<
      Dispatcher.DispatchHandler,
      'onRequestStart' | 'onResponseStart' | 'onResponseData' | 'onResponseEnd' | 'onResponseError'
    >
  >;

/**
 * Sends a request once more where its socket, kept from an earlier answer, turns out to be closed: the server let go
 * of it while the request was on its way. Servers close idle sockets after seconds, so without this every now and then
 * a good request to a good server fails.
 *
 * Nobody can tell for sure that the server had not begun. RFC 9110 §9.2.2 lets a request be repeated where its
 * meaning is known to bear it: to generate an answer twice changes nothing at a model server, and it is the same risk
 * that asking another server before the first byte takes. General gateways, which know nothing of the requests, do not
 * repeat a POST here. Never done for a new socket, after the answer's head, or a second time.
 */
export class StaleSocketRetry implements Dispatcher.DispatchHandler {
  readonly #request: TracedRequest;
  readonly #handler: AnswerHandler;
  readonly #pool: Dispatcher;
  readonly #onResend: () => void;
  #reused = false;
  #begun = false;
  #tries = 0;
  #sentAtMs = 0;

  constructor(request: TracedRequest, handler: AnswerHandler, pool: Dispatcher, onResend: () => void = () => {}) {
    this.#request = request;
    this.#handler = handler;
    this.#pool = pool;
    this.#onResend = onResend;
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#tries++;
    this.#reused = (this.#request.connection?.answers ?? 0) > 0;
    this.#sentAtMs = performance.now();
    this.#handler.onRequestStart(controller, context);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: HeaderFields): void {
    this.#begun = true;
    this.#handler.onResponseStart(controller, status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#handler.onResponseData(controller, chunk);
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: HeaderFields): void {
    if (this.#request.connection !== null) this.#request.connection.answers++;
    this.#handler.onResponseEnd(controller, trailers);
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    if (!this.#isStale(error)) {
      this.#handler.onResponseError(controller, error);
      return;
    }
    this.#onResend();
    this.#pool.dispatch(this.#request, this);
  }

  #isStale(error: Error): boolean {
    return (
      this.#reused &&
      !this.#begun &&
      this.#tries === 1 &&
      performance.now() - this.#sentAtMs < STALE_WITHIN_MS &&
      !(error instanceof errors.RequestAbortedError) &&
      'code' in error &&
      RESET_CODES.includes(String(error.code))
    );
  }
}
