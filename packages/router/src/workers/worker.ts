// Runs in a worker process: waits for its configuration, serves, and shuts down when the primary says so or is gone.
import { Buffer } from 'node:buffer';
import cluster from 'node:cluster';
import { ConfigurationError, SottoError } from '@sotto/protocol';
import { createRouter } from '../app.ts';
import type { GenerationSeed } from '../hpke-keys/key-generation.ts';
import { type LogDestination, openLog } from '../logs/log-destination.ts';
import type { Announcement } from '../open-records.ts';
import { clusterLimiters } from '../rate-limits/cluster-limiters.ts';
import { MAX_REPLAY_ENTRIES, ReplayWindow } from '../replay/replay-window.ts';
import type { Router } from '../router.ts';
import { type RouterServer, serve } from '../serve.ts';
import { isOurs, type ToPrimary, type ToWorker } from './messages.ts';
import { SharedMetrics } from './shared-metrics.ts';
import { SharedReplays } from './shared-replays.ts';
import { WorkerReload } from './worker-reload.ts';

/** Standard output, which all workers share. */
const LOG_DESCRIPTOR = 1;

let log: LogDestination | null = null;
let server: RouterServer | null = null;
/** Settles when the router serves. */
let started: Promise<void> = Promise.resolve();
/** Seeds that came while the router was being made. */
const early: GenerationSeed[] = [];
let onSeed: (seed: GenerationSeed) => void = (seed) => void early.push(seed);
let replays: SharedReplays | null = null;
const sharedMetrics = new SharedMetrics(tell);
let measure: Router['measure'] = () => Promise.resolve([]);
/** What was announced while the router was being made: it may have read the store before. */
const missed = new Set<Announcement>();
let reload: (what: Announcement) => void = (what) => void missed.add(what);

function tell(message: ToPrimary): void {
  // What nobody is there to hear is not an error.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

function reportInternal(requestId: string, error: unknown): void {
  tell({ sotto: 'internal-error', requestId, name: error instanceof Error ? error.name : typeof error });
}

async function start({ config, listen, secrets, logs }: Extract<ToWorker, { sotto: 'start' }>): Promise<void> {
  if (logs) log = openLog(LOG_DESCRIPTOR);
  const shared = new SharedReplays(
    new ReplayWindow(config.limits.replayWindowSeconds * 1_000, MAX_REPLAY_ENTRIES),
    tell,
  );
  replays = shared;
  const router = await createRouter(config, {
    ...(secrets.rsaPkcs8 === null ? {} : { rsaPkcs8: Buffer.from(secrets.rsaPkcs8, 'base64') }),
    identityPem: secrets.identityPem,
    receiptPem: secrets.receiptPem,
    onAttestation: (event) => tell({ sotto: 'attestation', event }),
    keySeeds: {
      live: secrets.seeds,
      subscribe: (listener) => {
        onSeed = (next) => void listener(next);
        for (const seed of early) void listener(seed);
      },
    },
    replays: shared,
    makeLimiter: clusterLimiters,
    storageKey: new Uint8Array(Buffer.from(secrets.storageKey, 'base64')),
    announce: (what) => tell({ sotto: 'announce', what }),
    onInternalError: reportInternal,
    ...(log === null ? {} : { log }),
    gatherMetrics: (own) => sharedMetrics.gather(own),
  });
  reload = (what) => void router.reload(what).catch((error: unknown) => reportInternal('reload', error));
  measure = () => router.measure();
  for (const what of missed) reload(what);
  server = await serve(router, listen);
  tell({
    sotto: 'listening',
    url: server.url,
    rsaFingerprint: router.rsaFingerprint,
    signerFingerprint: router.signerFingerprint,
  });
}

const reloads = new WorkerReload(async (config, seed) => {
  await started;
  if (server === null) throw new ConfigurationError('a worker does not serve yet', { code: 'invalid_config' });
  return server.prepare(config, seed);
}, tell);

async function shutDown(): Promise<void> {
  await server?.close();
  await log?.close();
  process.exit(0);
}

process.on('message', (message: unknown) => {
  if (!isOurs(message)) return;
  const told = message as ToWorker;
  switch (told.sotto) {
    case 'start':
      started = start(told);
      started.catch((error: unknown) => {
        const message = SottoError.isInstance(error) ? error.message : 'a worker could not start';
        tell({ sotto: 'failed', message });
        process.exitCode = 1;
        process.disconnect();
      });
      break;
    case 'rotate':
      onSeed(told.seed);
      break;
    case 'prepare':
      void reloads.prepare(told);
      break;
    case 'commit':
      reloads.commit(told.vote);
      break;
    case 'discard':
      reloads.discard(told.vote);
      break;
    case 'shut-down':
      void shutDown();
      break;
    case 'reload':
      reload(told.what);
      break;
    case 'metrics-ask':
      void measure().then((own) => tell({ sotto: 'metrics-told', call: told.call, own }));
      break;
    case 'metrics-gathered':
      sharedMetrics.settle(told);
      break;
    case 'replay-outcome':
      replays?.settle(told);
      break;
    default:
      told satisfies never;
  }
});

/** The primary is gone, or this worker has let go of it. */
function goOnAlone(): void {
  // The platform would end the process now, and with it whatever is under way.
  if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
  replays?.primaryIsGone();
  void shutDown();
}

// Signals of the terminal reach the whole process group: the primary decides what they mean.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
cluster.worker?.once('disconnect', goOnAlone);
// A library that writes to the primary when it is gone: without a listener that would be the end too.
cluster.worker?.on('error', () => {});
tell({ sotto: 'ready' });
