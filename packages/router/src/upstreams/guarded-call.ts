import { type APIError, apiError, parseRetryAfter } from '@sotto/protocol';
import type { HeaderFields } from '../http/exchange.ts';
import type { Clock } from './clock.ts';
import type { Upstream, UpstreamCall, UpstreamListener, UpstreamRequest } from './upstream.ts';
import type { UpstreamHealth } from './upstream-health.ts';

/** Where a call has its place, or waits for one. */
export interface CallPlace {
  /** The call's place is free. */
  free(call: GuardedCall): void;
  /** The call waits no more. */
  leave(call: GuardedCall): void;
}

/**
 * Failures that are not counted: the router's own say nothing of the upstream, and one that does not prove what it is
 * must not be taken for one that is away.
 */
const UNCOUNTED_CODES: readonly string[] = ['overloaded', 'shutting_down', 'internal_error', 'upstream_not_attested'];
/** Stands for a call that never came to be. */
const NO_CALL: UpstreamCall = { pause() {}, resume() {}, cancel() {} };

/** One call through a guarded upstream: passes everything on, and tells the upstream's health how it went. */
export class GuardedCall implements UpstreamCall, UpstreamListener {
  /** Where it stands among the calls under way. */
  slot = 0;
  readonly #request: UpstreamRequest;
  readonly #listener: UpstreamListener;
  readonly #place: CallPlace;
  readonly #health: UpstreamHealth;
  readonly #clock: Clock;
  #call: UpstreamCall | null = null;
  #ticket = 0;
  #beganMs = 0;
  #over = false;
  /** The code of the failure that the upstream is to blame for. */
  #failure: string | null = null;
  /** Whether the answer says nothing of the upstream's health: it asked for patience. */
  #inconclusive = false;

  constructor(
    request: UpstreamRequest,
    listener: UpstreamListener,
    place: CallPlace,
    health: UpstreamHealth,
    clock: Clock,
  ) {
    this.#request = request;
    this.#listener = listener;
    this.#place = place;
    this.#health = health;
    this.#clock = clock;
  }

  /** Takes its place and goes to the upstream. */
  begin(upstream: Upstream, ticket: number): void {
    this.#ticket = ticket;
    this.#beganMs = this.#clock.nowMs();
    try {
      this.#call = upstream.start(this.#request, this);
    } catch (error) {
      // A mistake of the router's own: it is told like any failure, and costs neither the place nor another call.
      this.#call = NO_CALL;
      const failure = apiError('internal_error', 'the router failed at this request', { cause: error });
      queueMicrotask(() => this.onError(failure));
    }
  }

  /** Ends it before it took a place. */
  refuse(error: APIError): void {
    if (this.#over) return;
    this.#over = true;
    this.#listener.onError(error);
  }

  /** Ends it though the upstream is not to blame: whoever waits for it is told why. */
  interrupt(error: APIError): void {
    if (this.#over || this.#call === null) return;
    this.#over = true;
    this.#call.cancel();
    this.#inconclusive = true;
    this.#settle();
    this.#listener.onError(error);
  }

  pause(): void {
    this.#call?.pause();
  }

  resume(): void {
    this.#call?.resume();
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#call === null) {
      this.#place.leave(this);
      return;
    }
    this.#call.cancel();
    this.#inconclusive = true;
    this.#settle();
  }

  reject(code: string): void {
    // Without an answer there is nothing to blame the upstream for.
    if (this.#call === null) {
      this.cancel();
      return;
    }
    this.#failure = code;
    if (this.#over) return;
    this.#over = true;
    this.#call.cancel();
    this.#settle();
  }

  onHead(status: number, headers: HeaderFields): void {
    if (this.#over) return;
    this.#health.firstByte(this.#clock.nowMs() - this.#beganMs);
    // 501 is about the request: this server has no such operation (RFC 9110 §15.6.2).
    if (status === 429 || (status >= 500 && status !== 501)) this.#judge(status, headers);
    else this.#health.answering(this.#ticket);
    this.#listener.onHead(status, headers);
  }

  /** Patience asked for (RFC 9110 §10.2.3) is no failure; nor is 429, which is about how much is asked. */
  #judge(status: number, headers: HeaderFields): void {
    const restMs = status === 429 || status === 503 ? parseRetryAfter(headers, this.#clock.unixMs()) : null;
    if (restMs !== null && restMs > 0) this.#health.rest(restMs);
    if (status === 429 || (restMs !== null && restMs > 0)) this.#inconclusive = true;
    else this.#failure = FAILURE_OF_STATUS[status] ?? 'upstream_failed';
  }

  onData(chunk: Uint8Array): void {
    if (!this.#over) this.#listener.onData(chunk);
  }

  onResend(): void {
    this.#health.resent();
  }

  onEnd(): void {
    if (this.#over) return;
    this.#over = true;
    try {
      // First the listener, which may yet find the answer no good and reject it.
      this.#listener.onEnd();
    } finally {
      this.#settle();
    }
  }

  onError(error: APIError): void {
    if (this.#over) return;
    this.#over = true;
    if (UNCOUNTED_CODES.includes(error.code)) this.#inconclusive = true;
    else if (error.status >= 500) this.#failure = error.code;
    this.#settle();
    this.#listener.onError(error);
  }

  #settle(): void {
    if (this.#failure !== null) this.#health.failed(this.#ticket, this.#failure);
    else if (this.#inconclusive) this.#health.abandoned(this.#ticket);
    else this.#health.succeeded(this.#ticket);
    this.#place.free(this);
  }
}

/** The codes that the statuses become in the router's own answer. */
const FAILURE_OF_STATUS: Readonly<Record<number, string>> = {
  503: 'upstream_unavailable',
  504: 'upstream_timeout',
};
