import type { SecurityTier } from '@sotto/protocol';
import { followAbort } from './abort-link.ts';
import type { AttestationStatus } from './attestation/attestation-status.ts';
import { Attestations } from './attestation/attestations.ts';
import { AutoExchange } from './auto-exchange.ts';
import { ClientKeys } from './client-keys.ts';
import type { ClientOptions } from './client-options.ts';
import { withDeadline } from './deadline.ts';
import type { Exchange, ExchangeAnswer, ExchangeRequest, ExchangeStream } from './exchange.ts';
import { NomyoV1Exchange } from './nomyo-v1-exchange.ts';
import { OhttpChannels } from './ohttp-channels.ts';
import { OhttpExchange } from './ohttp-exchange.ts';
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
  readonly streamOptions: unknown;
}

/** What a client holds between requests: its options, its key pair, and the keys of the routers it knows. */
export class SecureSession {
  readonly options: ResolvedOptions;
  readonly clientKeys: ClientKeys;
  readonly routerKeys: RouterKeyring;
  readonly #attestations: Attestations;
  readonly #channels: OhttpChannels;
  readonly #given: ClientOptions;
  readonly #exchange: Exchange;

  /** @param parent the session this one is made out of; what the new options leave alone is shared with it */
  constructor(given: ClientOptions, parent: SecureSession | null = null, changed: ClientOptions = {}) {
    this.#given = given;
    this.options = resolveOptions(given);
    const sharesClientKeys = parent !== null && !names(changed, 'keyDir', 'keyPassword', 'platform');
    const sharesAttestations =
      parent !== null &&
      !names(changed, 'attestation', 'dangerouslyTrustRouterWithoutEvidence', 'memory', 'fetch', 'platform') &&
      !names(changed, 'logger', 'logLevel');
    this.#attestations = sharesAttestations ? parent.#attestations : this.#makeAttestations();
    const sharesRouterKeys =
      sharesAttestations && !names(changed, 'pinnedKeys', 'requestBinding', 'serverKeyMaxAgeMs', 'defaultHeaders');
    this.clientKeys = sharesClientKeys ? parent.clientKeys : new ClientKeys(this.options);
    this.routerKeys = sharesRouterKeys
      ? parent.routerKeys
      : new RouterKeyring(this.options, this.#attestations, parent?.routerKeys.bindingOffered);
    const sharesChannels =
      sharesAttestations &&
      !names(changed, 'pinnedSigners', 'keyConfigs', 'pqKem', 'relayUrl', 'relayHeaders', 'allowHttp');
    this.#channels = sharesChannels ? parent.#channels : this.#makeChannels();
    this.#exchange = this.#makeExchange();
    // An RSA key pair takes a second of one core: in `auto` only where it turns out to be needed.
    if (this.options.protocol === 'nomyo-v1') this.clientKeys.prepare();
  }

  /** A session with some options changed. */
  with(changed: ClientOptions): SecureSession {
    // The two names of the address are one option: the new one replaces both.
    const { baseURL, baseUrl, ...rest } = this.#given;
    const address = changed.baseURL === undefined && changed.baseUrl === undefined ? { baseURL, baseUrl } : {};
    // What is remembered of routers must not be forgotten by changing something else.
    const given = { ...rest, ...address, memory: this.options.memory, ...defined(changed) };
    return new SecureSession(given, this, defined(changed));
  }

  /** What is known of the router's evidence now. */
  get attestation(): AttestationStatus {
    return this.#attestations.statusOf(this.options.router);
  }

  /** Verifies the router's evidence, where evidence is asked for and has not been verified yet. */
  async ready(requestOptions: RequestOptions = {}): Promise<AttestationStatus> {
    const { router, ohttp } = this.options;
    return this.#retry(requestOptions, requestOptions.signal ?? null, (signal) =>
      this.#attestations.ready(router, ohttp.tier, signal),
    );
  }

  /** Sends a request, again where an attempt fails in a way that may pass. Each attempt is sealed anew. */
  async send(request: SessionRequest, requestOptions: RequestOptions = {}): Promise<ExchangeAnswer> {
    const exchangeRequest = this.#exchangeRequest(request, requestOptions);
    return this.#retry(requestOptions, requestOptions.signal ?? null, (signal) =>
      this.#exchange.attempt(exchangeRequest, signal),
    );
  }

  /**
   * The same for a stream, up to the first byte of its answer: what fails later is not tried again.
   * @param controller ends the request at any stage, the reading of the stream too; follows the caller's signal
   */
  async stream(
    request: SessionRequest,
    requestOptions: RequestOptions,
    controller: AbortController,
  ): Promise<ExchangeStream> {
    const exchangeRequest = this.#exchangeRequest(request, requestOptions);
    return this.#retry(requestOptions, controller.signal, (signal) => {
      // The deadline's signal is done with when the answer begins; the stream's own goes on.
      const attempt = followAbort(controller.signal).controller;
      signal.addEventListener('abort', () => attempt.abort(signal.reason), { once: true });
      return this.#exchange.attemptStream(exchangeRequest, attempt.signal);
    });
  }

  async #retry<T>(
    requestOptions: RequestOptions,
    signal: AbortSignal | null,
    attempt: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { options } = this;
    const timeoutMs = checkTimeout(requestOptions.timeout ?? options.timeoutMs);
    const maxRetries = checkMaxRetries(requestOptions.maxRetries ?? options.maxRetries);
    const { clock } = options.platform;
    return retry({ maxRetries, clock, log: options.log, signal }, () => withDeadline(signal, timeoutMs, attempt));
  }

  #exchangeRequest(request: SessionRequest, { headers, idempotencyKey }: RequestOptions): ExchangeRequest {
    const { options } = this;
    const { payload, payloadId, tier, streamOptions } = request;
    const apiKey = request.apiKey === undefined ? options.apiKey : request.apiKey;
    return {
      router: request.baseUrl === undefined ? options.router : parseRouterUrl(request.baseUrl, options.allowHttp),
      payload,
      payloadId,
      tier: tier ?? options.ohttp.tier,
      apiKey: apiKey === null ? null : checkApiKey(apiKey),
      streamOptions,
      headers: mergeHeaders(
        options.defaultHeaders,
        headers ?? {},
        idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey },
      ),
    };
  }

  #makeAttestations(): Attestations {
    const { platform, transport, ohttp, memory, log } = this.options;
    return new Attestations({ runtime: { clock: platform.clock, transport }, memory, log }, ohttp);
  }

  #makeChannels(): OhttpChannels {
    const { platform, transport, ohttp, memory, log } = this.options;
    const runtime = { ...platform, transport };
    return new OhttpChannels({ runtime, ohttp, attestations: this.#attestations, memory, log });
  }

  #makeExchange(): Exchange {
    const nomyoV1 = new NomyoV1Exchange(this.options, this.clientKeys, this.routerKeys);
    const ohttp = new OhttpExchange(this.#channels);
    const { protocol } = this.options;
    switch (protocol) {
      case 'nomyo-v1':
        return nomyoV1;
      case 'ohttp':
        return ohttp;
      case 'auto':
        return new AutoExchange(this.options, this.#channels, { 'nomyo-v1': nomyoV1, ohttp });
    }
  }
}

function names(options: ClientOptions, ...keys: readonly (keyof ClientOptions)[]): boolean {
  return keys.some((key) => key in options);
}

/** An option that is set to undefined is one that is not set. */
function defined(options: ClientOptions): ClientOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
