import type { SecurityTier } from '@sotto/protocol';
import { ClientKeys } from './client-keys.ts';
import type { ClientOptions } from './client-options.ts';
import { withDeadline } from './deadline.ts';
import type { Exchange, ExchangeAnswer } from './exchange.ts';
import { NomyoV1Exchange } from './nomyo-v1-exchange.ts';
import { checkApiKey, mergeHeaders } from './outer-headers.ts';
import type { RequestOptions } from './request-options.ts';
import { checkMaxRetries, checkTimeout, type ResolvedOptions, resolveOptions } from './resolved-options.ts';
import { retry } from './retry.ts';
import { RouterKeyring } from './router-keyring.ts';
import { parseRouterUrl } from './router-url.ts';

/** A request as a session takes it; what is undefined is the client's own. */
export interface SessionRequest {
  readonly payload: Readonly<Record<string, unknown>>;
  readonly payloadId: string;
  readonly tier: SecurityTier | null;
  readonly apiKey: string | null | undefined;
  readonly baseUrl: string | undefined;
}

/** What a client holds between requests: its options, its key pair, and the keys of the routers it knows. */
export class SecureSession {
  readonly options: ResolvedOptions;
  readonly clientKeys: ClientKeys;
  readonly routerKeys: RouterKeyring;
  readonly #given: ClientOptions;
  readonly #exchange: Exchange;

  /** @param parent the session this one is made out of; what the new options leave alone is shared with it */
  constructor(given: ClientOptions, parent: SecureSession | null = null, changed: ClientOptions = {}) {
    this.#given = given;
    this.options = resolveOptions(given);
    const sharesClientKeys = parent !== null && !names(changed, 'keyDir', 'keyPassword', 'platform');
    const sharesRouterKeys =
      parent !== null &&
      !names(changed, 'pinnedKeys', 'requestBinding', 'serverKeyMaxAgeMs', 'defaultHeaders', 'fetch', 'platform') &&
      !names(changed, 'logger', 'logLevel');
    this.clientKeys = sharesClientKeys ? parent.clientKeys : new ClientKeys(this.options);
    this.routerKeys = sharesRouterKeys
      ? parent.routerKeys
      : new RouterKeyring(this.options, parent?.routerKeys.bindingOffered);
    this.#exchange = new NomyoV1Exchange(this.options, this.clientKeys, this.routerKeys);
    this.clientKeys.prepare();
  }

  /** A session with some options changed. */
  with(changed: ClientOptions): SecureSession {
    // The two names of the address are one option: the new one replaces both.
    const { baseURL, baseUrl, ...rest } = this.#given;
    const address = changed.baseURL === undefined && changed.baseUrl === undefined ? { baseURL, baseUrl } : {};
    return new SecureSession({ ...rest, ...address, ...defined(changed) }, this, defined(changed));
  }

  /** Sends a request, again where an attempt fails in a way that may pass. Each attempt is sealed anew. */
  async send(request: SessionRequest, requestOptions: RequestOptions = {}): Promise<ExchangeAnswer> {
    const { options } = this;
    const { signal = null, idempotencyKey } = requestOptions;
    const timeoutMs = checkTimeout(requestOptions.timeout ?? options.timeoutMs);
    const maxRetries = checkMaxRetries(requestOptions.maxRetries ?? options.maxRetries);
    const apiKey = request.apiKey === undefined ? options.apiKey : request.apiKey;
    const exchangeRequest = {
      router: request.baseUrl === undefined ? options.router : parseRouterUrl(request.baseUrl, options.allowHttp),
      payload: request.payload,
      payloadId: request.payloadId,
      tier: request.tier,
      apiKey: apiKey === null ? null : checkApiKey(apiKey),
      headers: mergeHeaders(
        options.defaultHeaders,
        requestOptions.headers ?? {},
        idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey },
      ),
    };
    const { clock } = options.platform;
    return retry({ maxRetries, clock, log: options.log, signal }, () =>
      withDeadline(signal, timeoutMs, (attemptSignal) => this.#exchange.attempt(exchangeRequest, attemptSignal)),
    );
  }
}

function names(options: ClientOptions, ...keys: readonly (keyof ClientOptions)[]): boolean {
  return keys.some((key) => key in options);
}

/** An option that is set to undefined is one that is not set. */
function defined(options: ClientOptions): ClientOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
