import type { SecurityTier } from '@sotto/protocol';

/** How a request was answered in the end, behind whatever door it came through. */
export interface Answered {
  /** One that routes are written for, or `other`. */
  readonly method: string;
  /** The path of the route, as it is declared; `none` where no route took it. */
  readonly route: string;
  /** What it was sealed under: `clear`, `ohttp`, `ehbp`, `nomyo-v1`. */
  readonly door: string;
  /** 0 where no head was sent: the caller had gone. */
  readonly status: number;
  /** The error's code; empty where there was none. */
  readonly code: string;
}

/** Who worked for a request, and what that came to. */
export interface ModelWork {
  readonly path: string;
  readonly tier: SecurityTier;
  readonly stream: boolean;
  /** The model as the caller named it: known to the router. */
  readonly model: string;
  readonly beganMs: number;
  endedMs: number;
  outcome: 'answered' | 'failed' | 'cancelled';
  /** Null where no upstream took it up. */
  upstream: string | null;
  upstreamClass: string | null;
  upstreamModel: string | null;
  promptTokens: number;
  completionTokens: number;
}

/** Told of the time between two events of a stream: `count` of them shared `seconds` each. */
export type OnTokenGap = (seconds: number, count: number) => void;

/**
 * What is learned of one request on its way, for whoever counts, logs and traces it. It goes with the exchange through
 * every door. No word of a body, no header field, no path and no credential is ever written here.
 */
export class RequestNotes {
  /** Milliseconds of `performance.now()`. */
  readonly beganMs = performance.now();
  /** The code of the error that a door answered with; null where none did. */
  code: string | null = null;
  /** The answer to the opened request; null where nothing was opened. */
  inner: Answered | null = null;
  /** The id of the virtual key; never the key. */
  keyId: string | null = null;
  work: ModelWork | null = null;
  /** When the first event of a stream passed; null where none did. */
  firstTokenMs: number | null = null;
  /** What the opened request, or the clear one, says of the trace it belongs to (W3C Trace Context §3.2). */
  traceparent: string | undefined;
  /** Told that a model is about to work; says what its server is to be told of the trace. Null where nothing is traced. */
  modelBegins: ((work: ModelWork) => string | undefined) | null = null;
  readonly #onTokenGap: OnTokenGap;
  #lastTokenMs = 0;

  constructor(onTokenGap: OnTokenGap = () => {}) {
    this.#onTokenGap = onTokenGap;
  }

  /** `count` events of a stream passed, in one read of the upstream's socket. */
  passed(count: number): void {
    if (count === 0) return;
    const nowMs = performance.now();
    if (this.firstTokenMs === null) this.firstTokenMs = nowMs;
    else this.#onTokenGap((nowMs - this.#lastTokenMs) / 1_000 / count, count);
    this.#lastTokenMs = nowMs;
  }
}
