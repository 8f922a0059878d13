import { apiError } from '@sotto/protocol';
import { parseConfig } from './config/parse.ts';
import type { RouterConfig, RouterConfigInput } from './config/schema.ts';
import type { Environment } from './config/secrets.ts';
import { createKeyRing } from './create-key-ring.ts';
import { createUpstream } from './create-upstream.ts';
import { nomyoGatewayRoutes } from './gateways/nomyo-v1/gateway.ts';
import type { ReplayMemory } from './gateways/nomyo-v1/replay-memory.ts';
import { ReplayWindow } from './gateways/nomyo-v1/replay-window.ts';
import { healthRoutes } from './health/routes.ts';
import { asApiError, sendError } from './http/answer.ts';
import type { Exchange, Handler } from './http/exchange.ts';
import { fetchWith } from './http/fetch-adapter.ts';
import { InFlight } from './http/in-flight.ts';
import { routeTable } from './http/route-table.ts';
import { type CallerRights, chatCompletionRoutes, type ModelRoutesOptions } from './openai/chat-completions.ts';
import { modelRoutes } from './openai/models.ts';
import { pkiRoutes } from './pki/routes.ts';
import { generateRsaPkcs8, openRsaIdentity, readRsaPkcs8File } from './pki/rsa-identity.ts';
import { type LimiterFactory, RequestLimits } from './rate-limits/request-limits.ts';
import { ModelDirectory } from './upstreams/model-directory.ts';
import { allowsModel, allowsTier } from './virtual-keys/key-ring.ts';

/** What a program that embeds the router may bring instead of what the router would make itself. */
export interface RouterOptions {
  /** Where secrets named by the configuration are looked up. Default: `process.env`. */
  readonly environment?: Environment;
  /** Told of the router's own failures, with the request's id; never of a request's content. */
  readonly onInternalError?: (requestId: string, error: unknown) => void;
  /** The RSA key, PKCS#8 DER, where several processes share one. */
  readonly rsaPkcs8?: Uint8Array;
  /** The memory against replays, where several processes share one. */
  readonly replays?: ReplayMemory;
  /** Makes the counters of rate limits, where several processes share them. */
  readonly makeLimiter?: LimiterFactory;
}

/** A router: one handler, and the doors to it. */
export interface Router {
  readonly config: RouterConfig;
  /** Answers an exchange. Never rejects. */
  readonly handle: Handler;
  /** Answers a Web `Request`: for embedding and tests. `serve` costs less. */
  fetch(request: Request): Promise<Response>;
  /** SHA-256 of the RSA public key's SubjectPublicKeyInfo in hexadecimal; null without nomyo-v1. */
  readonly rsaFingerprint: string | null;
  /** Models on offer now, aliases included. */
  models(): Promise<readonly string[]>;
  /** Refuses new requests with a 503, and settles when those under way are over. */
  drain(): Promise<void>;
  /** Lets go of upstream connections and models. */
  close(): Promise<void>;
}

/** Requests the memory against replays holds for one window; beyond it requests are refused, not forgotten. */
const MAX_REPLAY_ENTRIES = 1_000_000;

/**
 * Makes a router of its configuration.
 * @throws ConfigurationError `invalid_config`, `invalid_key_file`
 * @example
 * const router = await createRouter({ auth: 'open', upstreams: [{ name: 'local', baseUrl: 'http://127.0.0.1:8000/v1' }] });
 * const server = await serve(router);
 */
export async function createRouter(input: RouterConfigInput, options: RouterOptions = {}): Promise<Router> {
  const config = parseConfig(input);
  const environment = options.environment ?? process.env;
  const keyRing = await createKeyRing(config, environment);
  const requestLimits = new RequestLimits(options.makeLimiter);
  const entries = await Promise.all(config.upstreams.map((upstream) => createUpstream(upstream, environment)));
  const directory = new ModelDirectory(entries, config.aliases);
  const inFlight = new InFlight(config.limits.openStreams);
  const clearIsOpen = config.protocols.includes('clear');

  const models: ModelRoutesOptions = {
    directory,
    admit: async ({ request, sink }): Promise<CallerRights> => {
      if (!clearIsOpen && request.sealedBy === null) {
        throw apiError('sealed_request_required', 'this router takes encrypted requests only');
      }
      const caller = keyRing.authenticate(request.headers);
      sink.preset(await requestLimits.admit(caller));
      return { allowsModel: (model) => allowsModel(caller, model), allowsTier: (tier) => allowsTier(caller, tier) };
    },
    defaultTier: (model) => (Object.hasOwn(config.models, model) ? config.models[model]?.defaultTier : undefined),
    maxBodyBytes: config.limits.bodyBytes,
    maxAnswerBytes: config.limits.answerBytes,
  };

  const inner = routeTable([...chatCompletionRoutes(models), ...modelRoutes(models)]);
  const answer = async (exchange: Exchange, route: Handler): Promise<void> => {
    try {
      await route(exchange);
    } catch (error) {
      const told = asApiError(error);
      if (told.code === 'internal_error') options.onInternalError?.(exchange.id, error);
      sendError(exchange.sink, told);
    }
  };

  const identity = config.protocols.includes('nomyo-v1')
    ? await openRsaIdentity({
        pkcs8: options.rsaPkcs8 ?? (await loadRsaPkcs8(config)),
        copies: config.nomyoV1.keyCopies,
        maxWaiting: config.nomyoV1.queue,
      })
    : null;
  const windowMs = config.limits.replayWindowSeconds * 1_000;
  const outer = routeTable([
    ...healthRoutes(() => inFlight.draining),
    ...chatCompletionRoutes(models),
    ...modelRoutes(models),
    ...(identity === null
      ? []
      : [
          ...pkiRoutes(identity),
          ...nomyoGatewayRoutes({
            identity,
            handle: (exchange) => answer(exchange, inner),
            authenticate: (headers) => void keyRing.authenticate(headers),
            replays: options.replays ?? new ReplayWindow(windowMs, MAX_REPLAY_ENTRIES),
            replayWindowMs: windowMs,
            keepAliveMs: config.nomyoV1.keepAliveSeconds * 1_000,
          }),
        ]),
  ]);

  const handle: Handler = async (exchange) => {
    exchange.sink.preset({ 'x-request-id': exchange.id });
    await answer(exchange, (admitted) => inFlight.run(admitted, outer));
  };
  void directory.refresh();

  return {
    config,
    handle,
    fetch: fetchWith(handle),
    rsaFingerprint: identity?.fingerprint ?? null,
    models: async () => (await directory.list()).map(({ id }) => id),
    drain: () => inFlight.drain(),
    close: async () => {
      await Promise.all(entries.map(({ upstream }) => upstream.close()));
    },
  };
}

async function loadRsaPkcs8(config: RouterConfig): Promise<Uint8Array> {
  return config.nomyoV1.keyFile === undefined ? generateRsaPkcs8() : readRsaPkcs8File(config.nomyoV1.keyFile);
}
