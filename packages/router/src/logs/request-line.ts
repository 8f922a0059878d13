import type { Exchange } from '../http/exchange.ts';
import type { Answered, RequestNotes } from '../http/request-notes.ts';

/** Requests that come every few seconds from machines that watch. */
const PROBES = /^\/(?:health(?:\/|$)|metrics$|admin\/v1\/live$)/;

/** Fields of a request's line. All are counts, ids of our own, or words from short lists. */
export type RequestLine = Readonly<Record<string, string | number>>;

/** How loud a request is: the router's own failures are, what callers get wrong is not, and probes are silent. */
export function requestLevel({ route, status, code }: Answered): 'debug' | 'info' | 'warn' | 'error' {
  if (code === 'internal_error') return 'error';
  if (status >= 500 || (status === 200 && code !== '' && code !== 'request_aborted')) return 'warn';
  return PROBES.test(route) ? 'debug' : 'info';
}

/**
 * Makes a request's line.
 * @param names who asked, and how many tokens it took, are in it
 */
export function requestLine(answered: Answered, exchange: Exchange, notes: RequestNotes, names: boolean): RequestLine {
  const { route, door, status, code } = answered;
  const { beganMs, firstTokenMs, work, keyId } = notes;
  const { bytesRead } = exchange.request;
  const { bytesWritten } = exchange.sink;
  return {
    event: 'request',
    request_id: exchange.id,
    route,
    door,
    status,
    ...(code === '' ? {} : { code }),
    duration_ms: milliseconds(performance.now() - beganMs),
    ...(firstTokenMs === null ? {} : { first_token_ms: milliseconds(firstTokenMs - beganMs) }),
    ...(bytesRead === undefined ? {} : { bytes_in: bytesRead }),
    ...(bytesWritten === undefined ? {} : { bytes_out: bytesWritten }),
    ...(names && keyId !== null ? { key_id: keyId } : {}),
    ...(work === null ? {} : { tier: work.tier, outcome: work.outcome }),
    ...(work === null || work.upstream === null
      ? {}
      : { upstream: work.upstream, upstream_class: work.upstreamClass ?? '' }),
    ...(names && work !== null ? { prompt_tokens: work.promptTokens, completion_tokens: work.completionTokens } : {}),
  };
}

function milliseconds(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
