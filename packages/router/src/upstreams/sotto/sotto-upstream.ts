import { type AttestationOptions, systemClock as clientClock, type SecureFetch } from '@sotto/client';
import { createSecureFetch, undiciTransport } from '@sotto/client/node';
import type { SecurityTier } from '@sotto/protocol';
import { Pool } from 'undici';
import { isPrivateAddress, parseUpstreamAddress } from '../../config/address.ts';
import type { HeaderFields } from '../../http/exchange.ts';
import { TIER_HEADER } from '../../tiers/request-tier.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Upstream, UpstreamCall, UpstreamClass, UpstreamListener, UpstreamRequest } from '../upstream.ts';
import { shuttingDown } from '../upstream-error.ts';
import { SottoCall } from './sotto-call.ts';

/** What an upstream that is a Sotto router is made of. */
export interface SottoUpstreamOptions {
  readonly name: string;
  readonly tier: SecurityTier;
  /** The other router's address; a final `/v1` is taken off. */
  readonly baseUrl: string;
  readonly apiKey: string | null;
  readonly pinnedSigners?: readonly string[] | undefined;
  /** What its evidence must prove; undefined: a pinned signer is enough. */
  readonly attestation?: AttestationOptions | undefined;
  readonly maxConcurrent: number;
  readonly connectTimeoutMs: number;
  /** To the first byte of an answer. */
  readonly firstByteTimeoutMs: number;
  /** Between two chunks of an answer. */
  readonly idleTimeoutMs: number;
  readonly clock?: Clock;
}

/** How long an idle connection is kept: less than a router keeps it, so that it is never found closed. */
const KEEP_ALIVE_MS = 30_000;

/**
 * How long a router that did not prove what a tier asks for is no candidate for it. Then the next request asks it
 * again: evidence is made by hardware, and two routers do not ask each other for it at the pace of their callers.
 */
const UNPROVED_MS = 5_000;

/**
 * Another Sotto router, reached as any client reaches one: over ohttp, sealed to keys that its signer or its evidence
 * vouches for. It is told the tier of each request, and answers for it itself.
 */
export class SottoUpstream implements Upstream {
  readonly name: string;
  readonly tier: SecurityTier;
  readonly class: UpstreamClass;
  readonly #pool: Pool;
  readonly #fetch: SecureFetch;
  readonly #base: string;
  readonly #headers: HeaderFields;
  readonly #clock: Clock;
  readonly #calls = new Set<SottoCall>();
  readonly #unprovedUntilMs = new Map<SecurityTier, number>();

  /** @throws ConfigurationError `invalid_option` */
  constructor(options: SottoUpstreamOptions) {
    const { origin, basePath } = parseUpstreamAddress(options.baseUrl);
    this.name = options.name;
    this.tier = options.tier;
    this.class = options.attestation === undefined ? 'sealed' : 'attested';
    this.#base = origin + basePath.replace(/\/v1$/, '');
    this.#headers = options.apiKey === null ? {} : { authorization: `Bearer ${options.apiKey}` };
    this.#clock = options.clock ?? systemClock;
    this.#pool = new Pool(origin, {
      connections: options.maxConcurrent,
      pipelining: 1,
      connect: { timeout: options.connectTimeoutMs },
      headersTimeout: options.firstByteTimeoutMs,
      bodyTimeout: options.idleTimeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
    });
    this.#fetch = createSecureFetch({
      routerUrl: this.#base,
      allowHttp: isPrivateAddress(options.baseUrl),
      pinnedSigners: options.pinnedSigners,
      attestation: options.attestation,
      // What a tier asks of an upstream is settled by the configuration (docs/tiers.md): evidence where it says so.
      dangerouslyTrustRouterWithoutEvidence: options.attestation === undefined,
      runtime: { transport: undiciTransport(this.#pool), clock: { ...clientClock, now: () => this.#clock.unixMs() } },
    });
  }

  lacksProof(tier: SecurityTier): boolean {
    return this.#clock.nowMs() < (this.#unprovedUntilMs.get(tier) ?? Number.NEGATIVE_INFINITY);
  }

  start(request: UpstreamRequest, listener: UpstreamListener): UpstreamCall {
    // The router's own questions ask for all that the upstream is trusted with: so its probes see evidence that fails.
    const tier = request.tier ?? this.tier;
    const call = new SottoCall(listener, {
      onBegun: () => this.#unprovedUntilMs.delete(tier),
      onUnproved: () => this.#unprovedUntilMs.set(tier, this.#clock.nowMs() + UNPROVED_MS),
      onOver: (over) => this.#calls.delete(over),
    });
    this.#calls.add(call);
    void call.run((signal) => this.#send(request, tier, signal));
    return call;
  }

  async close(): Promise<void> {
    for (const call of this.#calls) call.fail(shuttingDown());
    await this.#pool.destroy();
  }

  #send(request: UpstreamRequest, tier: SecurityTier, signal: AbortSignal): Promise<Response> {
    const { method, path, body, stream, traceparent } = request;
    const headers = {
      ...this.#headers,
      ...(body === null ? {} : { 'content-type': 'application/json' }),
      ...(stream ? { accept: 'text/event-stream' } : {}),
      [TIER_HEADER]: tier,
      ...(traceparent === undefined ? {} : { traceparent }),
    };
    // The Fetch API's type wants an ArrayBuffer below the bytes, which are a Buffer's here.
    const content = body === null ? null : new Uint8Array(body);
    return this.#fetch(`${this.#base}/v1${path}`, { method, headers, body: content, signal });
  }
}
