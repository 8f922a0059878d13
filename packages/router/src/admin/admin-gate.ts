import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { apiError } from '@sotto/protocol';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { bearerToken } from '../http/bearer-token.ts';
import type { ExchangeRequest, HeaderFields } from '../http/exchange.ts';
import type { RouteHandler } from '../http/route-table.ts';

/** Wrong keys in one second; beyond it, further ones are told to wait. */
const FAILURES_A_SECOND = 10;
/** Below which every path of the administration is. */
const ADMIN_PATH = '/admin/';
const JSON_TYPE = /^application\/json\s*(;|$)/i;
/** Methods whose requests carry a body: a page of another site could send a form, but no JSON, without asking first. */
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH']);

/** What `Sec-Fetch-Site` says of a request from a page that is not the router's own. */
const OTHER_PAGES = new Set(['cross-site', 'same-site']);

/** What the gate knows. */
export interface AdminGateOptions {
  readonly key: string;
  /** The router's own origin, where it knows it: pages from there may call. */
  readonly publicUrl?: string | undefined;
  readonly now?: () => number;
}

/** Lets requests in to the administration that hold its key and do not come from another site's page. */
export class AdminGate {
  readonly #secret = randomBytes(32);
  readonly #expected: Buffer;
  readonly #origin: string | null;
  readonly #now: () => number;
  readonly #failures = new RateLimiterMemory({ points: FAILURES_A_SECOND, duration: 1 });
  #closedUntilMs = 0;

  constructor({ key, publicUrl, now = Date.now }: AdminGateOptions) {
    this.#expected = this.#digest(key);
    this.#origin = publicUrl === undefined ? null : new URL(publicUrl).origin;
    this.#now = now;
  }

  /** The handler behind the gate. */
  guard(handle: RouteHandler): RouteHandler {
    return async ({ request, sink, id }, parameters) => {
      // A key that is shown once must not be kept by anything on the way.
      sink.preset({ 'cache-control': 'no-store', 'cross-origin-resource-policy': 'same-origin' });
      // The router's other layers tell these paths by their first letters: `/%61dmin/` is none of them.
      if (!isAdminPath(request.path)) throw apiError('not_found', 'there is nothing at this path');
      await this.check(request);
      refuseForms(request);
      await handle({ request, sink, id }, parameters);
    };
  }

  /**
   * Refuses who does not hold the admin key, and pages of other sites, wherever the route is.
   * @throws AuthenticationError `missing_api_key`, `invalid_api_key`
   * @throws ForbiddenError `origin_not_allowed` for another site's page
   * @throws RateLimitError `rate_limit_exceeded` for a wrong key behind too many others
   */
  async check({ headers }: Pick<ExchangeRequest, 'headers'>): Promise<void> {
    this.#refuseOtherSites(headers);
    await this.#authenticate(headers);
  }

  #refuseOtherSites(headers: HeaderFields): void {
    const { origin, host } = headers;
    // A browser writes it itself, and also where it sends no Origin: with images, links and scripts (Fetch Metadata §2.4).
    if (OTHER_PAGES.has(headers['sec-fetch-site'] ?? '')) throw otherSite('sec-fetch-site');
    if (origin === undefined || origin === this.#origin) return;
    // Behind a terminator the scheme is not known; a browser writes both fields itself (Fetch §3.2, RFC 9110 §7.2).
    if (URL.canParse(origin) && new URL(origin).host === host) return;
    throw otherSite('origin');
  }

  async #authenticate(headers: HeaderFields): Promise<void> {
    const presented = bearerToken(headers) ?? headers['x-admin-key'] ?? '';
    if (presented === '') {
      throw apiError(
        'missing_api_key',
        'the admin key is needed: send Authorization: Bearer ADMIN_KEY, or X-Admin-Key',
      );
    }
    // The right key is let in at any time: who guesses must not keep the operator out.
    if (timingSafeEqual(this.#digest(presented), this.#expected)) return;
    const waitMs = this.#closedUntilMs - this.#now();
    if (waitMs > 0) throw tooManyFailures(waitMs);
    await this.#countFailure();
    throw apiError('invalid_api_key', 'this is not the admin key');
  }

  async #countFailure(): Promise<void> {
    try {
      await this.#failures.consume('admin');
    } catch (error) {
      // It rejects with its result where the limit is reached.
      if (!(error instanceof RateLimiterRes)) throw error;
      const waitMs = Math.max(error.msBeforeNext, 1);
      this.#closedUntilMs = this.#now() + waitMs;
      throw tooManyFailures(waitMs);
    }
  }

  /** Of the same length whatever it is of, and made with a secret: how far two agree tells nothing. */
  #digest(key: string): Buffer {
    return createHmac('sha256', this.#secret).update(key).digest();
  }
}

/** Whether a path is one of the administration's: no other site's page is told that it may read it. */
export function isAdminPath(path: string): boolean {
  return path.startsWith(ADMIN_PATH);
}

function otherSite(param: string): Error {
  return apiError('origin_not_allowed', 'the administration takes no requests from pages of other sites', { param });
}

function refuseForms({ method, headers }: ExchangeRequest): void {
  if (!WITH_BODY.has(method) || JSON_TYPE.test(headers['content-type'] ?? '')) return;
  throw apiError('unsupported_media_type', 'send Content-Type: application/json');
}

function tooManyFailures(waitMs: number): Error {
  return apiError('rate_limit_exceeded', 'too many wrong admin keys: wait, then send the right one', {
    retryAfterMs: waitMs,
  });
}
