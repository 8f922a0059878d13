import { apiError } from '@sotto/protocol';
import type { Exchange, ExchangeRequest, Handler, HeaderFields, ResponseSink } from './exchange.ts';
import { newRequestId } from './request-id.ts';

/**
 * Answers a Web `Request` with a handler: for embedding in another server, and for tests. Costs more than `serve`.
 * Like `fetch`, it rejects when the request's signal is aborted, and so does an answer's body that has begun.
 */
export function fetchWith(handle: Handler): (request: Request) => Promise<Response> {
  return (request) =>
    new Promise((resolve, reject) => {
      const { signal } = request;
      if (signal.aborted) {
        reject(abortReason(signal));
        return;
      }
      const id = newRequestId();
      const sink = new StreamSink(resolve);
      const leave = (): void => {
        const reason = abortReason(signal);
        reject(reason);
        sink.leave(reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      const exchange: Exchange = { id, request: new WebRequest(request), sink };
      Promise.resolve(handle(exchange)).catch(() => sink.abort());
    });
}

function abortReason(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new DOMException('the request was aborted', 'AbortError');
}

class WebRequest implements ExchangeRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: HeaderFields;
  readonly sealedBy = null;
  readonly sealedTier = null;
  readonly #request: Request;

  constructor(request: Request) {
    const url = new URL(request.url);
    this.#request = request;
    this.method = request.method;
    this.path = url.pathname;
    this.query = url.search.slice(1);
    this.headers = Object.fromEntries(request.headers);
  }

  async body(maxBytes: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const reader = this.#request.body?.getReader();
    for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
      length += part.value.length;
      if (length > maxBytes) {
        await reader?.cancel();
        throw apiError('payload_too_large', `a request body has at most ${maxBytes} bytes here`);
      }
      chunks.push(part.value);
    }
    return Buffer.concat(chunks, length);
  }
}

/** A sink that turns into a `Response` at its head, and into its body's stream after. */
class StreamSink implements ResponseSink {
  status: number | undefined;
  #preset: HeaderFields = {};
  readonly #resolve: (response: Response) => void;
  readonly #closeListeners: (() => void)[] = [];
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #drain: () => void = () => {};
  #closed = false;
  #over = false;

  constructor(resolve: (response: Response) => void) {
    this.#resolve = resolve;
  }

  close(): void {
    if (this.#closed || this.#over) return;
    this.#closed = true;
    for (const listener of this.#closeListeners) listener();
  }

  /** The request was aborted: what there is of the body breaks off. */
  leave(reason: Error): void {
    if (!this.#closed && !this.#over) this.#controller?.error(reason);
    this.close();
  }

  preset(headers: HeaderFields): void {
    this.#preset = { ...this.#preset, ...headers };
  }

  head(status: number, headers: HeaderFields): void {
    this.status = status;
    if (this.#controller !== null) return;
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#drain(),
      cancel: () => this.close(),
    });
    const bodiless = status === 204 || status === 304;
    this.#resolve(new Response(bodiless ? null : stream, { status, headers: { ...this.#preset, ...headers } }));
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over || this.#closed || this.#controller === null) return true;
    // Some writers reuse their buffer; a stream keeps what it is given.
    this.#controller.enqueue(new Uint8Array(chunk));
    return (this.#controller.desiredSize ?? 1) > 0;
  }

  end(): void {
    if (this.#over || this.#closed) return;
    this.#over = true;
    this.#controller?.close();
  }

  abort(): void {
    if (this.#over || this.#closed) return;
    this.#over = true;
    const controller = this.#controller;
    if (controller === null) {
      this.#resolve(Response.error());
      return;
    }
    const breakOff = (): void => controller.error(new TypeError('the answer broke off'));
    // An error empties the stream's queue: what was written before has to be read first.
    if ((controller.desiredSize ?? 0) > 0) breakOff();
    else this.#drain = breakOff;
  }

  onDrain(listener: () => void): void {
    this.#drain = listener;
  }

  onClose(listener: () => void): void {
    if (this.#closed) listener();
    else this.#closeListeners.push(listener);
  }
}
