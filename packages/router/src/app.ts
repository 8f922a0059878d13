import { apiError, errorBody, errorBodyWithDetail } from '@sotto/protocol';
import { parseConfig } from './config/parse.ts';
import type { RouterConfig, RouterConfigInput } from './config/schema.ts';
import type { Environment } from './config/secrets.ts';
import { createKeyRing } from './create-key-ring.ts';
import { createUpstream } from './create-upstream.ts';
import { ehbpDoor, ehbpKeyRoutes, isEhbpRequest } from './gateways/ehbp/gateway.ts';
import { nomyoGatewayRoutes, SECURE_COMPLETION_PATH } from './gateways/nomyo-v1/gateway.ts';
import { ohttpGatewayRoutes } from './gateways/ohttp/gateway.ts';
import { healthRoutes } from './health/routes.ts';
import type { GenerationSeed } from './hpke-keys/key-generation.ts';
import { KeyRotation } from './hpke-keys/key-rotation.ts';
import { KeySchedule } from './hpke-keys/key-schedule.ts';
import { asApiError, sendError } from './http/answer.ts';
import { withCors } from './http/cors.ts';
import type { Exchange, Handler, HeaderFields } from './http/exchange.ts';
import { fetchWith } from './http/fetch-adapter.ts';
import { InFlight } from './http/in-flight.ts';
import { routeTable } from './http/route-table.ts';
import { keyClaims } from './key-claims.ts';
import { type CallerRights, chatCompletionRoutes, type ModelRoutesOptions } from './openai/chat-completions.ts';
import { modelRoutes } from './openai/models.ts';
import { keyStatementRoutes } from './pki/key-statement-routes.ts';
import { pkiRoutes } from './pki/routes.ts';
import { generateRsaPkcs8, openRsaIdentity, readRsaPkcs8File } from './pki/rsa-identity.ts';
import { generateSigningIdentity, openSigningIdentity, readIdentityFile } from './pki/signing-identity.ts';
import { type LimiterFactory, RequestLimits } from './rate-limits/request-limits.ts';
import type { ReplayMemory } from './replay/replay-memory.ts';
import { ReplayWindow } from './replay/replay-window.ts';
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
  /** The identity's private key, PKCS#8 PEM, where several processes share one. */
  readonly identityPem?: string;
  /** Where the HPKE keys come from, where several processes share them; the router then makes none of its own. */
  readonly keySeeds?: SharedKeySeeds;
  /** The memory against replays, where several processes share one. */
  readonly replays?: ReplayMemory;
  /** Makes the counters of rate limits, where several processes share them. */
  readonly makeLimiter?: LimiterFactory;
}

/** HPKE keys that another process makes. */
export interface SharedKeySeeds {
  /** Those in use now, oldest first; at least one. */
  readonly live: readonly GenerationSeed[];
  /** Calls `listener` with each that comes. */
  subscribe(listener: (seed: GenerationSeed) => void): void;
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
  /** SHA-256 of the Ed25519 identity that signs `/pki/keys`, in hexadecimal: what clients name in `pinnedSigners`. */
  readonly signerFingerprint: string;
  /** Makes new HPKE keys now, ahead of the schedule; the old ones are still opened for the overlap. */
  rotateKeys(): Promise<void>;
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
  const serves = (protocol: RouterConfig['protocols'][number]): boolean => config.protocols.includes(protocol);
  const environment = options.environment ?? process.env;
  const keyRing = await createKeyRing(config, environment);
  const requestLimits = new RequestLimits(options.makeLimiter);
  const entries = await Promise.all(config.upstreams.map((upstream) => createUpstream(upstream, environment)));
  const directory = new ModelDirectory(entries, config.aliases);
  const inFlight = new InFlight(config.limits.openStreams);
  const clearIsOpen = serves('clear');

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
  const report = (requestId: string, error: unknown): void => options.onInternalError?.(requestId, error);
  const answer = async (exchange: Exchange, route: Handler): Promise<void> => {
    try {
      await route(exchange);
    } catch (error) {
      const told = asApiError(error);
      if (told.code === 'internal_error') report(exchange.id, error);
      sendError(
        exchange.sink,
        told,
        exchange.request.path === SECURE_COMPLETION_PATH ? errorBodyWithDetail : errorBody,
      );
    }
  };

  const identity = serves('nomyo-v1')
    ? await openRsaIdentity({
        pkcs8: options.rsaPkcs8 ?? (await loadRsaPkcs8(config)),
        copies: config.nomyoV1.keyCopies,
        maxWaiting: config.nomyoV1.queue,
      })
    : null;
  const signer = openSigningIdentity(options.identityPem ?? (await loadIdentity(config)));
  const keys = new KeySchedule();
  const periods = { rotationMs: config.ohttp.rotationSeconds * 1_000, overlapMs: config.ohttp.overlapSeconds * 1_000 };
  const rotation = options.keySeeds === undefined ? new KeyRotation(periods, (seed) => keys.add(seed)) : null;
  for (const seed of options.keySeeds?.live ?? []) await keys.add(seed);
  options.keySeeds?.subscribe((seed) => void keys.add(seed));
  await rotation?.rotate();

  const windowMs = config.limits.replayWindowSeconds * 1_000;
  const replays = options.replays ?? new ReplayWindow(windowMs, MAX_REPLAY_ENTRIES);
  const sealed = {
    keys,
    handle: (exchange: Exchange) => answer(exchange, inner),
    onInternalError: (requestId: string, error: unknown) => options.onInternalError?.(requestId, error),
    replays,
    replayWindowMs: windowMs,
  };
  const outer = routeTable([
    ...healthRoutes(() => inFlight.draining),
    ...chatCompletionRoutes(models),
    ...modelRoutes(models),
    ...keyStatementRoutes(signer, () => keyClaims(config, keys, identity?.fingerprint ?? null)),
    ...(serves('ohttp')
      ? ohttpGatewayRoutes({
          ...sealed,
          maxBodyBytes: config.limits.bodyBytes,
          maxAnswerBytes: config.limits.answerBytes,
          coalesceMs: (head) => coalesceMs(config, head),
        })
      : []),
    ...(serves('ehbp') ? ehbpKeyRoutes(keys) : []),
    ...(identity === null
      ? []
      : [
          ...pkiRoutes(identity),
          ...nomyoGatewayRoutes({
            ...sealed,
            identity,
            authenticate: (headers) => void keyRing.authenticate(headers),
            keepAliveMs: config.nomyoV1.keepAliveSeconds * 1_000,
            report,
          }),
        ]),
  ]);

  const openEhbp = ehbpDoor({ ...sealed, maxBodyBytes: config.limits.bodyBytes });
  const doors: Handler = (exchange) =>
    serves('ehbp') && isEhbpRequest(exchange) ? openEhbp(exchange) : outer(exchange);
  const origins = config.cors.origins ?? (config.auth === 'open' ? [] : ['*']);
  const admitted = withCors(origins, (exchange) => inFlight.run(exchange, doors));
  const handle: Handler = async (exchange) => {
    exchange.sink.preset({ 'x-request-id': exchange.id });
    await answer(exchange, admitted);
  };
  void directory.refresh();

  return {
    config,
    handle,
    fetch: fetchWith(handle),
    rsaFingerprint: identity?.fingerprint ?? null,
    signerFingerprint: signer.fingerprint,
    rotateKeys: async () => rotation?.rotate(),
    models: async () => (await directory.list()).map(({ id }) => id),
    drain: () => inFlight.drain(),
    close: async () => {
      rotation?.stop();
      keys.destroy();
      await Promise.all(entries.map(({ upstream }) => upstream.close()));
    },
  };
}

async function loadRsaPkcs8(config: RouterConfig): Promise<Uint8Array> {
  return config.nomyoV1.keyFile === undefined ? generateRsaPkcs8() : readRsaPkcs8File(config.nomyoV1.keyFile);
}

async function loadIdentity({ identity }: RouterConfig): Promise<string> {
  return identity.keyFile === undefined ? generateSigningIdentity() : readIdentityFile(identity.keyFile);
}

/** Tokens that leave one by one tell their lengths: the highest tier always gathers some (protocol-ohttp §8). */
const MAXIMUM_TIER_COALESCE_MS = 10;

function coalesceMs({ ohttp }: RouterConfig, head: HeaderFields): number {
  return head['x-sotto-tier'] === 'maximum' ? Math.max(ohttp.coalesceMs, MAXIMUM_TIER_COALESCE_MS) : ohttp.coalesceMs;
}
