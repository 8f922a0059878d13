import type { Exchange, Handler, HeaderFields } from './exchange.ts';

/** Browsers ask again after this long (Fetch §3.2.5). */
const PREFLIGHT_MAX_AGE_SECONDS = 86_400;

const EXPOSED = [
  'ehbp-response-nonce',
  'retry-after',
  'retry-after-ms',
  'sotto-binding',
  'x-ratelimit-limit',
  'x-ratelimit-limit-requests',
  'x-ratelimit-limit-tokens',
  'x-ratelimit-remaining',
  'x-ratelimit-remaining-requests',
  'x-ratelimit-remaining-tokens',
  'x-ratelimit-reset',
  'x-ratelimit-reset-requests',
  'x-ratelimit-reset-tokens',
  'x-request-id',
  'x-should-retry',
  'x-sotto-tier',
  'x-sotto-tier-source',
  'x-sotto-upstream-class',
].join(', ');

/**
 * Answers preflights and marks answers for pages of the given origins, `*` for all; pages of others get no CORS field
 * at all. Credentials mode is never allowed: a page has nothing here but the API key it brings itself.
 *
 * A cache may keep an answer for one reader and give it to another (Fetch §3.2.5, "CORS protocol and HTTP caches"): what
 * is for all is marked whoever asks, and what depends on the origin says so whoever asks.
 */
export function withCors(origins: readonly string[], handle: Handler): Handler {
  if (origins.length === 0) return handle;
  const forAll = origins.includes('*');
  return (exchange) => {
    const { method, headers } = exchange.request;
    const { origin } = headers;
    // No cache keeps the answer to a POST (RFC 9110 §9.3.3), and only a page asks for these fields.
    if (origin === undefined && method === 'POST') return handle(exchange);
    if (!forAll) exchange.sink.preset({ vary: 'origin' });
    const allowed = forAll ? '*' : origins.find((each) => each === origin);
    if (allowed === undefined) return handle(exchange);
    exchange.sink.preset({ 'access-control-allow-origin': allowed, 'access-control-expose-headers': EXPOSED });
    if (!isPreflight(exchange)) return handle(exchange);
    exchange.sink.head(204, preflightHeaders(headers));
    exchange.sink.end();
    return undefined;
  };
}

function isPreflight({ request }: Exchange): boolean {
  const { origin, 'access-control-request-method': method } = request.headers;
  return request.method === 'OPTIONS' && origin !== undefined && method !== undefined;
}

function preflightHeaders(headers: HeaderFields): HeaderFields {
  return {
    'access-control-allow-methods': 'GET, POST, DELETE',
    // What the page asks for: the routes ignore what they do not know.
    'access-control-allow-headers': headers['access-control-request-headers'] ?? '',
    'access-control-max-age': String(PREFLIGHT_MAX_AGE_SECONDS),
  };
}
