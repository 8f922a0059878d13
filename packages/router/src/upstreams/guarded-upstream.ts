import { type APIError, apiError, type SecurityTier } from '@sotto/protocol';
import { CallsUnderWay } from './calls-under-way.ts';
import { type Clock, systemClock } from './clock.ts';
import { type CallPlace, GuardedCall } from './guarded-call.ts';
import type { HealthProbe } from './health-probe.ts';
import type { Upstream, UpstreamCall, UpstreamClass, UpstreamListener, UpstreamRequest } from './upstream.ts';
import { shuttingDown } from './upstream-error.ts';
import type { UpstreamHealth } from './upstream-health.ts';
import type { UpstreamState } from './upstream-state.ts';
import { WaitingLine, type WaitingLineOptions } from './waiting-line.ts';

/** An upstream, and what guards it. */
export interface GuardedUpstreamOptions {
  readonly upstream: Upstream;
  /** Its share among the upstreams that offer the same model. */
  readonly weight: number;
  /** Calls under way at once; further ones wait. */
  readonly maxConcurrent: number;
  readonly queue: WaitingLineOptions;
  readonly health: UpstreamHealth;
  /** Runs until the upstream is closed; null: it is not probed. */
  readonly probe: HealthProbe | null;
  readonly clock?: Clock;
}

/** What a caller is told to wait where the line is full or its time in it is over. */
const RETRY_MS = 1_000;

/**
 * An upstream that is never asked more than it can take: calls over the cap wait in line, and none goes to one that
 * fails. What cannot be served is reported as an error at once, so that another upstream can be asked.
 */
export class GuardedUpstream implements Upstream, CallPlace {
  readonly name: string;
  readonly tier: SecurityTier;
  readonly class: UpstreamClass;
  readonly #upstream: Upstream;
  readonly #weight: number;
  readonly #maxConcurrent: number;
  readonly #line: WaitingLine<GuardedCall>;
  readonly #health: UpstreamHealth;
  readonly #probe: HealthProbe | null;
  readonly #clock: Clock;
  readonly #underWay = new CallsUnderWay();
  #closed = false;

  constructor(options: GuardedUpstreamOptions) {
    this.name = options.upstream.name;
    this.tier = options.upstream.tier;
    this.class = options.upstream.class;
    this.#upstream = options.upstream;
    this.#weight = options.weight;
    this.#maxConcurrent = options.maxConcurrent;
    this.#health = options.health;
    this.#probe = options.probe;
    this.#clock = options.clock ?? systemClock;
    this.#line = new WaitingLine(options.queue, (call) => call.refuse(overloaded()), this.#clock);
    this.#probe?.start(() => this.isFull);
  }

  /**
   * What each unit of weight would have to bear with one call more: the next call goes where this is least. So of two
   * idle upstreams the weightier is asked.
   */
  get load(): number {
    return (this.#underWay.size + this.#line.length + 1) / this.#weight;
  }

  /** Whether a call would have to wait. */
  get isFull(): boolean {
    return this.#underWay.size >= this.#maxConcurrent;
  }

  /** What its probes say; true where it is not probed. */
  get healthy(): boolean {
    return this.#health.healthy;
  }

  /** Milliseconds for which it takes no calls; 0: it takes them. */
  get closedForMs(): number {
    return this.#health.closedForMs;
  }

  /** Whether it has just failed to prove what a tier asks for. */
  lacksProof(tier: SecurityTier): boolean {
    return this.#upstream.lacksProof?.(tier) ?? false;
  }

  /** Has `listener` told when its health or its breaker changes. */
  onChange(listener: (state: UpstreamState) => void): void {
    this.#health.onChange = () => listener(this.state);
  }

  /** How it fares now. */
  get state(): UpstreamState {
    return {
      name: this.name,
      tier: this.tier,
      class: this.class,
      ...this.#health.snapshot(),
      underWay: this.#underWay.size,
      waiting: this.#line.length,
    };
  }

  /**
   * Begins a request, or has it wait for a place. Reports `upstream_unavailable` where the upstream takes no calls,
   * `overloaded` where the line is full or the wait too long, both with the time after which to try again.
   */
  start(request: UpstreamRequest, listener: UpstreamListener): UpstreamCall {
    const call = new GuardedCall(request, listener, this, this.#health, this.#clock);
    if (this.#closed) refuseLater(call, shuttingDown());
    else if (this.isFull) this.#wait(call);
    else this.#begin(call, refuseLater);
    return call;
  }

  /** A call's place is free: those who wait move up. */
  free(call: GuardedCall): void {
    this.#underWay.delete(call);
    while (!this.isFull && this.#line.length > 0) {
      const call = this.#line.next();
      if (call !== undefined) this.#begin(call, refuse);
    }
  }

  /** A call waits no more. */
  leave(call: GuardedCall): void {
    this.#line.leave(call);
  }

  /** Takes no more calls, and ends those under way with `shutting_down`. */
  endCalls(): void {
    this.#closed = true;
    for (let call = this.#line.next(); call !== undefined; call = this.#line.next()) call.refuse(shuttingDown());
    for (const call of this.#underWay.list()) call.interrupt(shuttingDown());
  }

  async close(): Promise<void> {
    this.endCalls();
    this.#probe?.stop();
    await this.#upstream.close();
  }

  #wait(call: GuardedCall): void {
    const closedForMs = this.#health.closedForMs;
    if (closedForMs > 0) refuseLater(call, unavailable(closedForMs));
    else if (!this.#line.join(call)) refuseLater(call, overloaded());
  }

  #begin(call: GuardedCall, refuseWith: typeof refuse): void {
    const ticket = this.#health.begin();
    if (ticket === null) {
      refuseWith(call, unavailable(this.#health.closedForMs));
      return;
    }
    this.#underWay.add(call);
    call.begin(this.#upstream, ticket);
  }
}

function refuse(call: GuardedCall, error: APIError): void {
  call.refuse(error);
}

/** Never before `start` returns. */
function refuseLater(call: GuardedCall, error: APIError): void {
  queueMicrotask(() => call.refuse(error));
}

function overloaded(): APIError {
  return apiError('overloaded', 'too many requests wait for the model server: try again shortly', {
    retryAfterMs: RETRY_MS,
  });
}

/** The error of a model whose servers take no calls for a while. */
export function unavailable(retryAfterMs: number): APIError {
  return apiError('upstream_unavailable', 'no model server can take the request now: try again shortly', {
    retryAfterMs,
  });
}
