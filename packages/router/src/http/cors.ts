import type { Exchange, Handler, HeaderFields } from './exchange.ts';

/** Browsers ask again after this long (Fetch §3.2.5). */
const PREFLIGHT_MAX_AGE_SECONDS = 86_400;

const EXPOSED = [
  'ehbp-response-nonce',
  'retry-after',
  'retry-after-ms',
  'sotto-binding',
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'x-request-id',
  'x-sotto-tier',
  'x-sotto-tier-source',
  'x-sotto-upstream-class',
].join(', ');

/**
 * Answers preflights and marks answers for pages of the given origins, `*` for all; pages of others get no CORS field
 * at all. Credentials mode is never allowed: a page has nothing here but the API key it brings itself.
 */
export function withCors(origins: readonly string[], handle: Handler): Handler {
  return (exchange) => {
    const { origin } = exchange.request.headers;
    const allowed = origin === undefined ? null : allowedOrigin(origins, origin);
    if (allowed === null) return handle(exchange);
    exchange.sink.preset({
      'access-control-allow-origin': allowed,
      'access-control-expose-headers': EXPOSED,
      ...(allowed === '*' ? {} : { vary: 'origin' }),
    });
    if (!isPreflight(exchange)) return handle(exchange);
    exchange.sink.head(204, preflightHeaders(exchange.request.headers));
    exchange.sink.end();
    return undefined;
  };
}

function allowedOrigin(origins: readonly string[], origin: string): string | null {
  if (origins.includes('*')) return '*';
  return origins.includes(origin) ? origin : null;
}

function isPreflight({ request }: Exchange): boolean {
  return request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
}

function preflightHeaders(headers: HeaderFields): HeaderFields {
  return {
    'access-control-allow-methods': 'GET, POST',
    // What the page asks for: the routes ignore what they do not know.
    'access-control-allow-headers': headers['access-control-request-headers'] ?? '',
    'access-control-max-age': String(PREFLIGHT_MAX_AGE_SECONDS),
  };
}
