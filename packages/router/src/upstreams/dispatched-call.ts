import { type APIError, apiError } from '@sotto/protocol';
import { type Dispatcher, errors } from 'undici';
import type { HeaderFields } from '../http/exchange.ts';
import type { UpstreamCall, UpstreamListener } from './upstream.ts';

/** Handles one dispatched request: undici's events on one side, the listener's on the other. */
export class DispatchedCall implements UpstreamCall, Dispatcher.DispatchHandler {
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
