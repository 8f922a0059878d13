import { AdminGate } from './admin/admin-gate.ts';
import { parseConfig } from './config/parse.ts';
import type { RouterConfig, RouterConfigInput, UpstreamConfig } from './config/schema.ts';
import { createUpstream } from './create-upstream.ts';
import type { Handler } from './http/exchange.ts';
import { fetchWith } from './http/fetch-adapter.ts';
import { InFlight } from './http/in-flight.ts';
import { RouterLog } from './logs/router-log.ts';
import { logStore } from './logs/store-events.ts';
import { logUpstreams } from './logs/upstream-events.ts';
import { TokenTotals } from './metrics/token-totals.ts';
import { observeRouter } from './observe-router.ts';
import { openAttestation } from './open-attestation.ts';
import { keysOf, openCluster } from './open-cluster.ts';
import { openRecords, readAdminKey } from './open-records.ts';
import { openReplicas } from './open-replicas.ts';
import { openRouterKeys } from './open-router-keys.ts';
import { PresentServing } from './present-serving.ts';
import { MAX_REPLAY_ENTRIES, ReplayWindow } from './replay/replay-window.ts';
import type { Router, RouterOptions } from './router.ts';
import type { Standing } from './serving.ts';
import { addStoreMetrics } from './store-metrics.ts';
import { openTracing } from './tracing/open-tracing.ts';
import { UpstreamSet } from './upstream-set.ts';
import type { DirectoryEntry } from './upstreams/model-directory.ts';
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
export async function createRouter(input: RouterConfigInput, given: RouterOptions = {}): Promise<Router> {
  const config = parseConfig(input);
  const environment = given.environment ?? process.env;
  const report = (requestId: string, error: unknown): void => given.onInternalError?.(requestId, error);
  const adminKey = await readAdminKey(config, environment);
  const replicas = await openReplicas(config);
  const open: (() => Promise<void> | void)[] = [() => replicas?.close()];
  try {
    // Workers get theirs from their primary process, which has joined the cluster.
    const cluster = given.keySeeds === undefined ? await openCluster(config, environment, replicas) : null;
    open.push(() => cluster?.close());
    const options = { ...given, ...keysOf(cluster) };
    const keys = await openRouterKeys(config, options);
    open.push(() => keys.destroy());
    const tracing = await openTracing(config, environment, version, () => present.serving.config.upstreams);
    if (tracing !== null) open.push(() => tracing.close());
    const log = options.log === undefined ? null : new RouterLog(config.logging, options.log);
    const onChange = log === null ? null : logUpstreams(log);
    const making = {
      environment,
      create: async (upstream: UpstreamConfig): Promise<DirectoryEntry> => {
        const entry = await createUpstream(upstream, environment, options.roots);
        if (onChange !== null) entry.upstream.onChange(onChange);
        return entry;
      },
    };
    const upstreams = await UpstreamSet.open(config.upstreams, making);
    open.push(() => upstreams.close());
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
      onStore: log === null ? undefined : logStore(log),
      onUsed: (usage) => tokens.add(usage),
    });
    replicas?.follow((what) => records.reload(what).catch((error: unknown) => report('reload', error)));
    const inFlight = new InFlight(config.limits.openStreams);
    const { publisher } = attestation;
    const observation = observeRouter({
      options,
      states: () => present.serving.directory.states(),
      requestsUnderWay: () => inFlight.count,
      maxRequestsUnderWay: () => present.serving.config.limits.openStreams,
      tokens,
      replicas,
      evidenceUntilMs: publisher === null ? null : () => publisher.validUntilMs,
      log,
      tracing,
      report,
    });
    const replays = replicas?.replays(config, options.replays) ?? options.replays ?? ownReplays(config);
    const standing = { keys, records, attestation, replicas, inFlight, observation, replays, report };
    const gate = adminKey === null ? null : new AdminGate({ key: adminKey, publicUrl: config.publicUrl });
    const present: PresentServing = new PresentServing(standing, { config, upstreams, gate, adminKey }, making);
    return join(standing, present);
  } catch (error) {
    for (const close of open.reverse()) await close();
    throw error;
  }
}

function ownReplays({ limits }: RouterConfig): ReplayWindow {
  return new ReplayWindow(limits.replayWindowSeconds * 1_000, MAX_REPLAY_ENTRIES);
}

function join(standing: Standing, present: PresentServing): Router {
  const { keys, records, attestation, replicas, inFlight, observation } = standing;
  const { publisher } = attestation;
  addStoreMetrics(observation.metrics, records);
  const { protocols } = present.serving.config;
  const handle: Handler = (exchange) => {
    exchange.sink.preset({ 'x-request-id': exchange.id });
    return observation.answer.outer(exchange, present.serving.handle);
  };
  const webSockets = new WebSocketDoor({
    handle,
    authenticate: (headers) => void records.keyRing.authenticate(headers),
    serves: { clear: protocols.includes('clear'), sealed: protocols.includes('ohttp') },
    settings: () => {
      const { origins, config } = present.serving;
      const { openStreams: maxConnections, bodyBytes: maxBodyBytes } = config.limits;
      return { origins, maxConnections, limits: { ...CONNECTION_LIMITS, maxBodyBytes } };
    },
  });
  void present.serving.directory.refresh();
  void publisher?.refresh();
  keys.onRotation(() => void publisher?.refresh());

  return {
    get config(): RouterConfig {
      return present.serving.config;
    },
    handle,
    fetch: fetchWith(handle),
    webSockets,
    rsaFingerprint: keys.rsa?.fingerprint ?? null,
    signerFingerprint: keys.signer.fingerprint,
    rotateKeys: () => keys.rotate(),
    measure: () => observation.metrics.snapshots(),
    models: async () => (await present.serving.directory.list()).map(({ id }) => id),
    reload: (what) => records.reload(what),
    prepare: (input, shared) => present.prepare(input, shared),
    leave: () => inFlight.leave(),
    drain: () => {
      webSockets.drain();
      return inFlight.drain();
    },
    endUnderWay: () => {
      webSockets.end();
      present.endCalls();
    },
    close: async () => {
      webSockets.terminate();
      publisher?.close();
      keys.destroy();
      await present.close();
      await records.close();
      await replicas?.close();
      await observation.close();
    },
  };
}
