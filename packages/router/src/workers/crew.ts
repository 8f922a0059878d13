import cluster, { type Worker } from 'node:cluster';
import { fileURLToPath } from 'node:url';
import { ConfigurationError } from '@sotto/protocol';
import { RateLimiterClusterMaster } from 'rate-limiter-flexible';
import type { AttestationEvent } from '../attestation/attestation-event.ts';
import { changedKeys, refuseRestartKeys } from '../config/reload.ts';
import type { RouterConfig } from '../config/schema.ts';
import type { PreparedConfig } from '../present-serving.ts';
import { MAX_REPLAY_ENTRIES, ReplayWindow } from '../replay/replay-window.ts';
import { isLasting } from '../storage/open-store.ts';
import type { CrewKeys } from './crew-keys.ts';
import { CrewMetrics } from './crew-metrics.ts';
import { forkWorker } from './fork-worker.ts';
import { isOurs, type ToPrimary, type ToWorker } from './messages.ts';
import { ReloadVote } from './reload-vote.ts';
import { RestartPace } from './restart-pace.ts';
import { SharedAddress } from './shared-address.ts';

/** Told of what goes on among the workers. */
export interface WorkerEvents {
  /** Whether the workers write their log, to standard output. */
  readonly logs?: boolean;
  readonly onInternalError?: (requestId: string, errorName: string) => void;
  /** Told of the evidence of each worker. */
  readonly onAttestation?: (event: AttestationEvent) => void;
  /** A worker died and another takes its place. */
  readonly onRestart?: (pid: number) => void;
  /** A worker's process could not be made: the system's code of why, and when the next attempt is. */
  readonly onForkFailure?: (code: string, delayMs: number) => void;
  /** Workers die as soon as they start: how many in a row, and how long the next one is waited for. */
  readonly onCrashLoop?: (deaths: number, delayMs: number) => void;
}

type Listening = Extract<ToPrimary, { sotto: 'listening' }>;

/** The worker processes, and what they share. */
export class Crew {
  #config: RouterConfig;
  readonly #keys: CrewKeys;
  readonly #events: WorkerEvents;
  readonly #replays: ReplayWindow;
  readonly #address: SharedAddress<Worker>;
  readonly #workers = new Set<Worker>();
  /** Those that have been told to start: the others hear of nothing. */
  readonly #started = new Set<Worker>();
  readonly #pace = new RestartPace();
  readonly #metrics = new CrewMetrics((id, call) => {
    const worker = cluster.workers?.[id];
    if (worker !== undefined) send(worker, { sotto: 'metrics-ask', call });
  });
  #state: 'starting' | 'serving' | 'closing' = 'starting';
  #vote: ReloadVote<Worker> | null = null;
  /** How many there have been: the number of the last. */
  #votes = 0;
  /** Workers that came up while the others voted: they start with whatever comes of it. */
  #late: Worker[] = [];

  constructor(config: RouterConfig, keys: CrewKeys, events: WorkerEvents) {
    this.#config = config;
    this.#keys = keys;
    keys.subscribe((seed) => {
      for (const worker of this.#started) send(worker, { sotto: 'rotate', seed });
    });
    this.#address = new SharedAddress(config.listen);
    this.#events = events;
    this.#replays = new ReplayWindow(config.limits.replayWindowSeconds * 1_000, MAX_REPLAY_ENTRIES);
    new RateLimiterClusterMaster();
    cluster.setupPrimary({ exec: fileURLToPath(new URL('./worker.js', import.meta.url)), args: [] });
  }

  async start(count: number): Promise<Listening> {
    const [first] = await Promise.all(Array.from({ length: count }, () => this.#fork()));
    if (first === undefined) throw new ConfigurationError('at least one worker is needed', { code: 'invalid_config' });
    this.#state = 'serving';
    return first;
  }

  async prepare(config: RouterConfig): Promise<PreparedConfig> {
    if (this.#vote !== null || this.#state !== 'serving') {
      throw new ConfigurationError('another reload or the end is under way', { code: 'invalid_config' });
    }
    refuseRestartKeys(changedKeys(this.#config, config));
    refuseSeparateStores(config);
    const voters = [...this.#started];
    const vote = new ReloadVote(voters);
    this.#vote = vote;
    const number = ++this.#votes;
    const sole = this.#keys.prepareSole();
    const seed = sole === null ? {} : { seed: sole.seed };
    for (const worker of voters) send(worker, { sotto: 'prepare', vote: number, config, ...seed });
    const settle = (outcome: 'commit' | 'discard'): void => {
      for (const worker of voters) send(worker, { sotto: outcome, vote: number });
      this.#vote = null;
      for (const worker of this.#late.splice(0)) this.#instruct(worker);
    };
    try {
      const { changed, replacesKeys } = await vote.outcome;
      const commit = (): void => {
        this.#config = config;
        if (replacesKeys) sole?.commit();
        settle('commit');
      };
      return { changed, replacesKeys, commit, discard: async () => settle('discard') };
    } catch (error) {
      settle('discard');
      throw error;
    }
  }

  terminate(): void {
    this.#state = 'closing';
    for (const worker of this.#workers) worker.process.kill('SIGKILL');
  }

  async shutDown(): Promise<void> {
    this.#state = 'closing';
    const exits = [...this.#workers].map((worker) => new Promise((resolve) => worker.on('exit', resolve)));
    for (const worker of this.#workers) send(worker, { sotto: 'shut-down' });
    await Promise.all(exits);
    await this.#keys.close();
  }

  #fork(): Promise<Listening> {
    const bornMs = performance.now();
    return new Promise((resolve, reject) => {
      const fail = (message: string): void => reject(new ConfigurationError(message, { code: 'invalid_config' }));
      const made = forkWorker({
        onFailure: (code) => {
          fail(`a worker process cannot be made (${code})`);
          this.#replace(0, (delayMs) => this.#events.onForkFailure?.(code, delayMs));
        },
        onMessage: (worker, message) => {
          if (!isOurs(message)) return;
          const told = message as ToPrimary;
          if (told.sotto === 'ready') this.#instruct(worker);
          else if (told.sotto === 'listening') {
            this.#metrics.joined(worker.id);
            resolve(told);
            if (!this.#address.listens(worker, told.url)) worker.process.kill('SIGKILL');
          } else if (told.sotto === 'failed') fail(told.message);
          else this.#serveMessage(worker, told);
        },
        onExit: (worker) => {
          fail('a worker ended before it listened');
          this.#remove(worker);
          this.#replace(performance.now() - bornMs, () => this.#events.onRestart?.(worker.process.pid ?? 0));
        },
      });
      if (made !== null) this.#workers.add(made);
    });
  }

  /** Sends a worker its first message; one that comes up while the others shut down goes with them. */
  #instruct(worker: Worker): void {
    if (this.#state === 'closing') {
      send(worker, { sotto: 'shut-down' });
      return;
    }
    if (this.#vote !== null) {
      this.#late.push(worker);
      return;
    }
    this.#started.add(worker);
    const secrets = { ...this.#keys.secrets, seeds: this.#keys.live };
    const logs = this.#events.logs === true;
    send(worker, { sotto: 'start', config: this.#config, listen: this.#address.next, secrets, logs });
  }

  #serveMessage(worker: Worker, told: Exclude<ToPrimary, { sotto: 'ready' | 'listening' | 'failed' }>): void {
    switch (told.sotto) {
      case 'announce':
        for (const other of this.#started) if (other !== worker) send(other, { sotto: 'reload', what: told.what });
        break;
      case 'replay-add':
        send(worker, { sotto: 'replay-outcome', call: told.call, outcome: this.#replays.add(told.id) });
        break;
      case 'replay-forget':
        this.#replays.forget(told.id);
        break;
      case 'prepared':
        if (told.vote === this.#votes) this.#vote?.ready(worker, told);
        break;
      case 'unprepared':
        if (told.vote === this.#votes) this.#vote?.refuse(told.message);
        break;
      case 'metrics-told':
        this.#metrics.told(worker.id, told.call, told.own);
        break;
      case 'metrics-gather':
        void this.#metrics.gather(worker.id, told.own).then((processes) => {
          send(worker, { sotto: 'metrics-gathered', call: told.call, processes });
        });
        break;
      case 'attestation':
        this.#events.onAttestation?.(told.event);
        break;
      case 'internal-error':
        this.#events.onInternalError?.(told.requestId, told.name);
        break;
      default:
        told satisfies never;
    }
  }

  #remove(dead: Worker): void {
    this.#workers.delete(dead);
    this.#started.delete(dead);
    this.#late = this.#late.filter((worker) => worker !== dead);
    this.#address.left(dead);
    this.#vote?.left(dead);
    this.#metrics.left(dead.id);
  }

  /** Tells of a worker that is lost, and has another take its place. */
  #replace(livedMs: number, tell: (delayMs: number) => void): void {
    if (this.#state !== 'serving') return;
    const { delayMs, youngDeaths, isLoop } = this.#pace.died(livedMs);
    tell(delayMs);
    if (isLoop) this.#events.onCrashLoop?.(youngDeaths, delayMs);
    setTimeout(() => {
      // One that cannot start ends, and comes back here.
      if (this.#state === 'serving') this.#fork().catch(() => {});
    }, delayMs);
  }
}

function send(worker: Worker, message: ToWorker): void {
  // A worker that is just dying cannot be told: its exit is handled where it is noticed.
  if (worker.isConnected()) worker.send(message, undefined, () => {});
}

/** Each worker would have a store in its own memory: a key made by one would be unknown to the others. */
export function refuseSeparateStores(config: RouterConfig): void {
  if (isLasting(config.storage) || (config.admin === undefined && config.chatbots.length === 0)) return;
  throw new ConfigurationError(
    'storage: several workers with admin or chatbots need sqlite:PATH or PostgreSQL, which they share',
    {
      code: 'invalid_config',
    },
  );
}
