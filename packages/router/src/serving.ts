import { type AdminGate, isAdminPath } from './admin/admin-gate.ts';
import { adminRoutes } from './admin/routes.ts';
import { adminPageRoutes } from './admin-page/routes.ts';
import { attestationRoutes } from './attestation/routes.ts';
import { chatbotOf, chatbotSchema } from './chatbots/chatbot-schema.ts';
import type { RouterConfig } from './config/schema.ts';
import { ehbpDoor, ehbpKeyRoutes, isEhbpRequest } from './gateways/ehbp/gateway.ts';
import { nomyoGatewayRoutes } from './gateways/nomyo-v1/gateway.ts';
import { ohttpGatewayRoutes } from './gateways/ohttp/gateway.ts';
import { healthRoutes } from './health/routes.ts';
import type { PolicyKeys } from './hpke-keys/policy-keys.ts';
import { withCors } from './http/cors.ts';
import type { Exchange, Handler, HeaderFields } from './http/exchange.ts';
import type { InFlight } from './http/in-flight.ts';
import { type Route, routeTable } from './http/route-table.ts';
import type { LiveView } from './metrics/live-view.ts';
import { metricsRoutes } from './metrics/routes.ts';
import { modelApi } from './model-api.ts';
import type { RouterObservation } from './observe-router.ts';
import type { RouterAttestation } from './open-attestation.ts';
import type { Records } from './open-records.ts';
import type { Replicas } from './open-replicas.ts';
import type { RouterKeys } from './open-router-keys.ts';
import { openApiRoutes } from './openapi/routes.ts';
import { keyStatementRoutes } from './pki/key-statement-routes.ts';
import { pkiRoutes } from './pki/routes.ts';
import { withReceipts } from './receipts/with-receipts.ts';
import type { ReplayMemory } from './replay/replay-memory.ts';
import type { UpstreamSet } from './upstream-set.ts';
import { ModelDirectory } from './upstreams/model-directory.ts';
import { version } from './version.ts';

/** What stays as it is from the start of a router to its end. */
export interface Standing {
  readonly keys: RouterKeys;
  readonly records: Records;
  readonly attestation: RouterAttestation;
  /** Null where this router shares nothing with others. */
  readonly replicas: Replicas | null;
  readonly inFlight: InFlight;
  readonly replays: ReplayMemory;
  readonly observation: RouterObservation;
  readonly report: (requestId: string, error: unknown) => void;
}

/** What there is of each configuration. */
export interface ServingParts {
  readonly config: RouterConfig;
  readonly upstreams: UpstreamSet;
  /** One for all that the admin key opens: who guesses at it has no second door to try. Null where there is none. */
  readonly gate: AdminGate | null;
  /** One for all configurations with the same policy of upstreams. */
  readonly policyKeys: PolicyKeys;
}

/** A configuration at work: its routes, and whom they ask. It never changes; a reload puts another in its place. */
export interface Serving extends ServingParts {
  readonly directory: ModelDirectory;
  /** Origins of pages that may call. */
  readonly origins: readonly string[];
  /** Answers an exchange, by whichever door it comes. */
  readonly handle: Handler;
}

/** Joins the routes of all features. */
export function createServing(standing: Standing, parts: ServingParts): Serving {
  const { keys, records, attestation, replicas, inFlight, observation, replays, report } = standing;
  const { config, upstreams, gate, policyKeys } = parts;
  const serves = (protocol: RouterConfig['protocols'][number]): boolean => config.protocols.includes(protocol);
  const directory = new ModelDirectory(upstreams.entries, records.aliases.with(config.aliases));
  const { claims, publisher, receiptSigner } = attestation;
  const receipts = { signer: receiptSigner, kid: () => claims().kid, onInternalError: report };
  const api = withReceipts(receipts, modelApi({ config, records, directory, report }));
  const inner = routeTable(api);
  const windowMs = config.limits.replayWindowSeconds * 1_000;
  const sealed = {
    keys: policyKeys,
    handle: (exchange: Exchange) => observation.answer.inner(exchange, inner),
    onInternalError: report,
    timed: observation.metrics.onCrypto,
    replays,
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
      isShuttingDown: () => inFlight.leaving,
      hasUpstream: () => directory.isReady(),
      isStoreUp: () => records.isStoreUp(),
      pingStore: () => records.pingStore(),
      ...(replicas === null ? {} : { isRedisUp: () => replicas.isUp }),
    }),
    ...(config.metrics === 'off' ? [] : metricsRoutes(observation.gather, metricsAccess(config, gate))),
    ...(gate === null ? [] : [...administration(gate, records, directory, observation.live), ...adminPageRoutes()]),
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
  const handle: Handler = (exchange) => (isAdminPath(exchange.request.path) ? plain : forPages)(exchange);
  return { ...parts, directory, origins, handle };
}

function administration(
  gate: AdminGate,
  records: Records,
  directory: ModelDirectory,
  live: () => Promise<LiveView>,
): readonly Route[] {
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
    live,
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
