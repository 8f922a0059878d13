import { apiErrorOfStatus, parseRetryAfter, SecurityError } from '@sotto/protocol';
import type { Transport, TransportResponse } from '../transport.ts';

const DEFAULT_FRESH_MS = 600_000;
/** A key that is no longer taken shows itself by a problem of its own: asking more often than this gains nothing. */
const MIN_FRESH_MS = 60_000;
const MAX_FRESH_MS = 86_400_000;
/** What a router answers that has no such route: it does not speak ohttp. */
const NOT_OFFERED_STATUSES = new Set([404, 405]);

/** Where keys are, and in which form. */
interface KeysRequest {
  readonly url: string;
  readonly accept: string;
}

/**
 * Asks a router for its keys.
 * @param revalidate past every cache
 * @returns an answer with status 200; who wrote it is for the caller to find out
 * @throws SecurityError `downgrade_refused` where the router has no such route, `invalid_response` for a redirect
 * @throws APIError `fetch_failed` by status, unauthenticated; APIConnectionError
 */
export async function fetchKeys(
  transport: Transport,
  { url, accept }: KeysRequest,
  signal: AbortSignal,
  revalidate: boolean,
): Promise<TransportResponse> {
  const headers = { accept, ...(revalidate ? { 'cache-control': 'no-cache' } : {}) };
  const answer = await transport.send({ method: 'GET', url, headers, body: null, signal });
  const { status } = answer;
  if (status === 200) return answer;
  await answer.body.cancel();
  if (NOT_OFFERED_STATUSES.has(status)) {
    throw new SecurityError('the router offers no ohttp keys: check its address, and that it has ohttp switched on', {
      code: 'downgrade_refused',
    });
  }
  if (status < 400) {
    throw new SecurityError(
      `the router answered with status ${status} when asked for its keys: no redirect is followed`,
      {
        code: 'invalid_response',
      },
    );
  }
  throw apiErrorOfStatus(status, `the router answered with status ${status} when asked for its keys`, {
    code: 'fetch_failed',
    headers: answer.headers,
    retryAfterMs: parseRetryAfter(answer.headers, Date.now()),
    authenticated: false,
  });
}

/**
 * How long an answer may be used, in milliseconds: what `Cache-Control: max-age` says (RFC 9111 §5.2.2.1), less the
 * time that caches have held it, within a minute and a day.
 */
export function freshFor({ headers }: TransportResponse): number {
  const maxAge = /(?:^|[\s,])max-age="?(\d{1,10})"?(?:$|[\s,])/i.exec(headers['cache-control'] ?? '')?.[1];
  if (maxAge === undefined) return DEFAULT_FRESH_MS;
  const age = /^\d{1,10}$/.test(headers['age'] ?? '') ? Number(headers['age']) : 0;
  return Math.min(Math.max((Number(maxAge) - age) * 1000, MIN_FRESH_MS), MAX_FRESH_MS);
}
