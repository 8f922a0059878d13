import { randomUUID } from 'node:crypto';
import type { RouterConfig } from './config/schema.ts';
import type { Announcement } from './open-records.ts';
import type { LimiterFactory } from './rate-limits/limiter-factory.ts';
import { redisLimiters } from './rate-limits/redis-limiters.ts';
import { RedisReplays } from './replay/redis-replays.ts';
import type { ReplayMemory } from './replay/replay-memory.ts';
import { MAX_REPLAY_ENTRIES, ReplayWindow } from './replay/replay-window.ts';
import { connectRedis, type RedisConnection } from './replicas/redis-connection.ts';
import { RedisNews } from './replicas/redis-news.ts';
import { redisReplayCommands } from './replicas/redis-replay-commands.ts';
import { Rereading } from './replicas/rereading.ts';

/** Where processes tell each other what to read anew. */
const CHANNEL = 'sotto:reread';
const ANNOUNCEMENTS: readonly Announcement[] = ['keys', 'aliases', 'chatbots'];

/** What a router shares with others through Redis. */
export interface Replicas {
  readonly isUp: boolean;
  /** What a cluster is joined over. */
  readonly wires: { readonly redis: RedisConnection; readonly news: RedisNews };
  readonly makeLimiter: LimiterFactory;
  /** Calls `listener` each time limits and budgets come to be counted elsewhere, in Redis or in memory. */
  onChange(listener: (isUp: boolean) => void): void;
  /** Tells the other processes what has changed in the store. */
  announce(what: Announcement): void;
  /** Rereads what others announce, and everything when announcements may have been missed. */
  follow(reread: (what: Announcement) => Promise<void>): void;
  /** The memory against replays of all replicas, over this process's own, or `shared` of this machine's. */
  replays(config: RouterConfig, shared: ReplayMemory | undefined): ReplayMemory;
  close(): Promise<void>;
}

/** Connects a router to the others; null where the configuration names no Redis. @throws ConfigurationError `invalid_config` */
export async function openReplicas({ redis: url }: RouterConfig): Promise<Replicas | null> {
  return url === undefined ? null : new SharingReplicas(await connectRedis(url));
}

class SharingReplicas implements Replicas {
  readonly makeLimiter: LimiterFactory;
  readonly #redis: RedisConnection;
  readonly #news: RedisNews;
  readonly #own = randomUUID();

  constructor(redis: RedisConnection) {
    this.#redis = redis;
    this.#news = new RedisNews(redis);
    this.makeLimiter = redisLimiters(redis.client);
  }

  get wires() {
    return { redis: this.#redis, news: this.#news };
  }

  get isUp(): boolean {
    return this.#redis.isUp;
  }

  onChange(listener: (isUp: boolean) => void): void {
    this.#redis.onChange(listener);
  }

  announce(what: Announcement): void {
    void this.#news.publish(CHANNEL, `${this.#own} ${what}`);
  }

  follow(reread: (what: Announcement) => Promise<void>): void {
    const rereadings = new Map(ANNOUNCEMENTS.map((what) => [what as string, new Rereading(() => reread(what))]));
    this.#news.listen(CHANNEL, {
      onMessage: (text) => {
        const [from, what = ''] = text.split(' ');
        if (from !== this.#own) rereadings.get(what)?.ask();
      },
      onListening: () => {
        for (const rereading of rereadings.values()) rereading.ask();
      },
    });
  }

  replays({ limits, replay }: RouterConfig, shared: ReplayMemory | undefined): ReplayMemory {
    const windowMs = limits.replayWindowSeconds * 1_000;
    const recent = new ReplayWindow(windowMs, MAX_REPLAY_ENTRIES);
    const replays = new RedisReplays({
      commands: redisReplayCommands(this.#redis),
      local: shared ?? recent,
      recent,
      windowMs,
      whenAway: replay.whenAway,
    });
    this.#redis.onChange((isUp) => {
      // If it fails, Redis has gone again, and comes back here.
      if (isUp) replays.restore().catch(() => {});
    });
    return replays;
  }

  async close(): Promise<void> {
    this.#news.close();
    await this.#redis.close();
  }
}
