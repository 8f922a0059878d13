import { AdminGate, isAdminPath } from './admin/admin-gate.ts';
import { adminRoutes } from './admin/routes.ts';
import { attestationRoutes } from './attestation/routes.ts';
import { chatbotOf, chatbotSchema } from './chatbots/chatbot-schema.ts';
import { parseConfig } from './config/parse.ts';
import type { RouterConfig, RouterConfigInput } from './config/schema.ts';
import { createUpstream } from './create-upstream.ts';
import { ehbpDoor, ehbpKeyRoutes, isEhbpRequest } from './gateways/ehbp/gateway.ts';
import { nomyoGatewayRoutes } from './gateways/nomyo-v1/gateway.ts';
import { ohttpGatewayRoutes } from './gateways/ohttp/gateway.ts';
import { healthRoutes } from './health/routes.ts';
import { withCors } from './http/cors.ts';
import type { Exchange, Handler, HeaderFields } from './http/exchange.ts';
import { fetchWith } from './http/fetch-adapter.ts';
import { InFlight } from './http/in-flight.ts';
import { type Route, routeTable } from './http/route-table.ts';
import { RouterMetrics } from './metrics/router-metrics.ts';
import { metricsRoutes } from './metrics/routes.ts';
import { TokenTotals } from './metrics/token-totals.ts';
import { modelApi } from './model-api.ts';
import { observedAnswer } from './observed-answer.ts';
import { openAttestation, type RouterAttestation } from './open-attestation.ts';
import { openRecords, type Records, readAdminKey } from './open-records.ts';
import { openReplicas, type Replicas } from './open-replicas.ts';
import { openRouterKeys, type RouterKeys } from './open-router-keys.ts';
import { openApiRoutes } from './openapi/routes.ts';
import { keyStatementRoutes } from './pki/key-statement-routes.ts';
import { pkiRoutes } from './pki/routes.ts';
import { withReceipts } from './receipts/with-receipts.ts';
import { MAX_REPLAY_ENTRIES, ReplayWindow } from './replay/replay-window.ts';
import type { Router, RouterOptions } from './router.ts';
import { ModelDirectory } from './upstreams/model-directory.ts';
import { version } from './version.ts';
import { CONNECTION_LIMITS } from './websocket/limits.ts';
import { WebSocketDoor } from './websocket/websocket-door.ts';

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
  const report = (requestId: string, error: unknown): void => options.onInternalError?.(requestId, error);
  const adminKey = await readAdminKey(config, environment);
  const replicas = await openReplicas(config);
  const open: (() => Promise<void> | void)[] = [() => replicas?.close()];
  try {
    const keys = await openRouterKeys(config, options);
    open.push(() => keys.destroy());
    const entries = await Promise.all(
      config.upstreams.map((upstream) => createUpstream(upstream, environment, options.roots)),
    );
    const closeUpstreams = async (): Promise<void> => {
      await Promise.all(entries.map(({ upstream }) => upstream.close()));
    };
    open.push(closeUpstreams);
    const attestation = await openAttestation({ config, settings: config.attestation, environment, keys, options });
    const tokens = new TokenTotals();
    const records = await openRecords(config, {
      environment,
      storageKey: options.storageKey,
      makeLimiter: replicas?.makeLimiter ?? options.makeLimiter,
      onCountsMoved: (listener) => replicas?.onChange(listener),
      announce: (what) => {
        options.announce?.(what);
        replicas?.announce(what);
      },
      report,
      onUsed: (usage) => tokens.add(usage),
    });
    replicas?.follow((what) => records.reload(what).catch((error: unknown) => report('reload', error)));
    const parts = { config, options, adminKey, keys, entries, closeUpstreams, records, attestation, tokens, report };
    return join({ ...parts, replicas });
  } catch (error) {
    for (const close of open.reverse()) await close();
    throw error;
  }
}

interface Parts {
  readonly config: RouterConfig;
  readonly options: RouterOptions;
  readonly adminKey: string | null;
  readonly keys: RouterKeys;
  readonly entries: ConstructorParameters<typeof ModelDirectory>[0];
  readonly closeUpstreams: () => Promise<void>;
  readonly records: Records;
  readonly attestation: RouterAttestation;
  readonly replicas: Replicas | null;
  readonly tokens: TokenTotals;
  readonly report: (requestId: string, error: unknown) => void;
}

function join(parts: Parts): Router {
  const { config, options, adminKey, keys, entries, closeUpstreams, records, attestation, replicas, tokens, report } =
    parts;
  const serves = (protocol: RouterConfig['protocols'][number]): boolean => config.protocols.includes(protocol);
  const directory = new ModelDirectory(entries, () => records.aliases.current);
  const inFlight = new InFlight(config.limits.openStreams);
  const metrics = new RouterMetrics({
    version,
    upstreams: () => directory.states(),
    requestsUnderWay: () => inFlight.count,
    maxRequestsUnderWay: config.limits.openStreams,
    tokens,
  });
  if (replicas !== null) {
    const isUp = (): number => (replicas.isUp ? 1 : 0);
    metrics.gauge('sotto_redis_up', '1 where the Redis server of the replicas answers', isUp, { acrossWorkers: 'min' });
  }
  const answer = observedAnswer({
    onTokenGap: metrics.onTokenGap,
    onAnswered: (answered, _exchange, notes) => metrics.answered(answered, notes),
    report,
  });

  // One for all that the key opens: who guesses at it has no second door to try.
  const gate = adminKey === null ? null : new AdminGate({ key: adminKey, publicUrl: config.publicUrl });
  const { claims, publisher, receiptSigner } = attestation;
  const receipts = { signer: receiptSigner, kid: () => claims().kid, onInternalError: report };
  const api = withReceipts(receipts, modelApi({ config, records, directory, report }));
  const inner = routeTable(api);
  const windowMs = config.limits.replayWindowSeconds * 1_000;
  const sealed = {
    keys: keys.schedule,
    handle: (exchange: Exchange) => answer.inner(exchange, inner),
    onInternalError: report,
    timed: metrics.onCrypto,
    replays:
      replicas?.replays(config, options.replays) ?? options.replays ?? new ReplayWindow(windowMs, MAX_REPLAY_ENTRIES),
    replayWindowMs: windowMs,
  };
  const routes: readonly Route[] = [
    ...api,
    ...(serves('ohttp')
      ? ohttpGatewayRoutes({
          ...sealed,
          maxBodyBytes: config.limits.bodyBytes,
          maxAnswerBytes: config.limits.answerBytes,
          coalesceMs: (head) => coalesceMs(config, head),
        })
      : []),
    ...(serves('ehbp') ? ehbpKeyRoutes(keys.schedule) : []),
    ...(keys.rsa === null
      ? []
      : [
          ...pkiRoutes(keys.rsa),
          ...nomyoGatewayRoutes({
            ...sealed,
            identity: keys.rsa,
            authenticate: (headers) => void records.keyRing.authenticate(headers),
            keepAliveMs: config.nomyoV1.keepAliveSeconds * 1_000,
            report,
          }),
        ]),
    ...keyStatementRoutes(keys.signer, claims),
    ...(publisher === null ? [] : attestationRoutes(publisher)),
    ...healthRoutes({
      isShuttingDown: () => inFlight.draining,
      hasUpstream: () => directory.isReady(),
      pingStore: () => records.store.ping(),
      ...(replicas === null ? {} : { isRedisUp: () => replicas.isUp }),
    }),
    ...(config.metrics === 'off'
      ? []
      : metricsRoutes(async () => [await metrics.snapshots()], metricsAccess(config, gate))),
    ...(gate === null ? [] : administration(gate, records, directory)),
    ...openApiRoutes({
      routes: () => routes,
      version,
      servers: config.publicUrl === undefined ? [] : [config.publicUrl],
    }),
  ];
  const outer = routeTable(routes);

  const openEhbp = ehbpDoor({ ...sealed, maxBodyBytes: config.limits.bodyBytes });
  const doors: Handler = (exchange) =>
    serves('ehbp') && isEhbpRequest(exchange) ? openEhbp(exchange) : outer(exchange);
  const origins = config.cors.origins ?? (config.auth === 'open' ? [] : ['*']);
  const plain: Handler = (exchange) => inFlight.run(exchange, doors);
  const forPages = withCors(origins, plain);
  // No page of another origin has any business with the administration.
  const admitted: Handler = (exchange) => (isAdminPath(exchange.request.path) ? plain : forPages)(exchange);
  const handle: Handler = (exchange) => {
    exchange.sink.preset({ 'x-request-id': exchange.id });
    return answer.outer(exchange, admitted);
  };
  const webSockets = new WebSocketDoor({
    handle,
    authenticate: (headers) => void records.keyRing.authenticate(headers),
    origins,
    serves: { clear: serves('clear'), sealed: serves('ohttp') },
    maxConnections: config.limits.openStreams,
    limits: { ...CONNECTION_LIMITS, maxBodyBytes: config.limits.bodyBytes },
  });
  void directory.refresh();
  void publisher?.refresh();
  keys.onRotation(() => void publisher?.refresh());

  return {
    config,
    handle,
    fetch: fetchWith(handle),
    webSockets,
    rsaFingerprint: keys.rsa?.fingerprint ?? null,
    signerFingerprint: keys.signer.fingerprint,
    rotateKeys: () => keys.rotate(),
    models: async () => (await directory.list()).map(({ id }) => id),
    reload: (what) => records.reload(what),
    drain: () => {
      webSockets.drain();
      return inFlight.drain();
    },
    close: async () => {
      webSockets.terminate();
      metrics.close();
      publisher?.close();
      keys.destroy();
      await closeUpstreams();
      await records.close();
      await replicas?.close();
    },
  };
}

function administration(gate: AdminGate, records: Records, directory: ModelDirectory): readonly Route[] {
  return adminRoutes({
    gate,
    keys: records.keys,
    aliases: records.aliases,
    chatbots: {
      schema: chatbotSchema.transform(chatbotOf),
      bodySchema: chatbotSchema.partial({ id: true }),
      directory: records.chatbots,
    },
    usage: (query) => records.accounting.ledger.list(query),
    upstreams: () => directory.states(),
  });
}

function metricsAccess({ metrics }: RouterConfig, gate: AdminGate | null): Parameters<typeof metricsRoutes>[1] {
  if (metrics === 'open' || gate === null) return { credential: 'none', allow: () => {} };
  return { credential: 'admin-key', allow: ({ request }) => gate.check(request) };
}

/** Tokens that leave one by one tell their lengths: the highest tier always gathers some (protocol-ohttp §8). */
const MAXIMUM_TIER_COALESCE_MS = 10;

function coalesceMs({ ohttp }: RouterConfig, head: HeaderFields): number {
  return head['x-sotto-tier'] === 'maximum' ? Math.max(ohttp.coalesceMs, MAXIMUM_TIER_COALESCE_MS) : ohttp.coalesceMs;
}
