import { type APIError, apiError, type SecurityTier } from '@sotto/protocol';
import { type Dispatcher, errors, Pool } from 'undici';
import { isPrivateAddress, parseUpstreamAddress } from '../../config/address.ts';
import type { HeaderFields } from '../../http/exchange.ts';
import type { Upstream, UpstreamCall, UpstreamClass, UpstreamListener, UpstreamRequest } from '../upstream.ts';

/** What an OpenAI-compatible upstream is made of. */
export interface OpenaiUpstreamOptions {
  readonly name: string;
  readonly tier: SecurityTier;
  /** `http(s)://host:port/v1` or `unix:/path:/v1`. */
  readonly baseUrl: string;
  readonly apiKey: string | null;
  readonly sameTee: boolean;
  readonly maxConcurrent: number;
  readonly connectTimeoutMs: number;
  /** To the first byte of an answer. */
  readonly firstByteTimeoutMs: number;
  /** Between two chunks of an answer. */
  readonly idleTimeoutMs: number;
}

/** A server that speaks OpenAI's HTTP API: vLLM, llama.cpp, Ollama, OpenAI itself. Over undici's own dispatch. */
export class OpenaiUpstream implements Upstream {
  readonly name: string;
  readonly tier: SecurityTier;
  readonly class: UpstreamClass;
  readonly #pool: Pool;
  readonly #origin: string;
  readonly #basePath: string;
  readonly #headers: Record<string, string>;

  constructor(options: OpenaiUpstreamOptions) {
    const address = parseUpstreamAddress(options.baseUrl);
    this.name = options.name;
    this.tier = options.tier;
    this.class = options.sameTee ? 'same-tee' : isPrivateAddress(options.baseUrl) ? 'loopback' : 'remote';
    this.#origin = address.origin;
    this.#basePath = address.basePath;
    this.#headers = { 'content-type': 'application/json' };
    if (options.apiKey !== null) this.#headers['authorization'] = `Bearer ${options.apiKey}`;
    this.#pool = new Pool(address.origin, {
      connections: options.maxConcurrent,
      pipelining: 1,
      connect: {
        timeout: options.connectTimeoutMs,
        ...(address.socketPath === null ? {} : { socketPath: address.socketPath }),
      },
      headersTimeout: options.firstByteTimeoutMs,
      bodyTimeout: options.idleTimeoutMs,
      keepAliveTimeout: 30_000,
    });
  }

  start(request: UpstreamRequest, listener: UpstreamListener): UpstreamCall {
    const call = new DispatchedCall(listener);
    const options: Dispatcher.DispatchOptions = {
      origin: this.#origin,
      path: this.#basePath + request.path,
      method: request.method,
      body: request.body,
      headers: request.stream ? { ...this.#headers, accept: 'text/event-stream' } : this.#headers,
    };
    // Never before this returns: undici reports some failures from inside dispatch.
    queueMicrotask(() => {
      if (!call.cancelled) this.#pool.dispatch(options, call);
    });
    return call;
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** Handles one dispatched request: undici's events on one side, the listener's on the other. */
class DispatchedCall implements UpstreamCall, Dispatcher.DispatchHandler {
  cancelled = false;
  readonly #listener: UpstreamListener;
  #controller: Dispatcher.DispatchController | null = null;

  constructor(listener: UpstreamListener) {
    this.#listener = listener;
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  cancel(): void {
    this.cancelled = true;
    this.#controller?.abort(new errors.RequestAbortedError());
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.cancelled) controller.abort(new errors.RequestAbortedError());
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: HeaderFields): void {
    // Interim answers (RFC 9110 §15.2) are the connection's business, not the caller's.
    if (status >= 200 && !this.cancelled) this.#listener.onHead(status, headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (!this.cancelled) this.#listener.onData(chunk);
  }

  onResponseEnd(): void {
    if (!this.cancelled) this.#listener.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (!this.cancelled) this.#listener.onError(typedFailure(error));
  }
}

/** Why no answer came, without the upstream's address or words: those are the operator's business. */
function typedFailure(error: Error): APIError {
  const options = { cause: error };
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) {
    return apiError('upstream_timeout', 'the model server did not answer in time', options);
  }
  if (error instanceof errors.HTTPParserError || error instanceof errors.HeadersOverflowError) {
    return apiError('upstream_invalid_response', 'the model server answered with something that is not HTTP', options);
  }
  if (error instanceof errors.SocketError || error instanceof errors.ResponseContentLengthMismatchError) {
    return apiError('upstream_failed', 'the model server broke off its answer', options);
  }
  return apiError('upstream_unavailable', 'the model server cannot be reached', options);
}
