import type { Redis } from 'ioredis';
import type { RedisConnection } from './redis-connection.ts';

/** How often a connection that only listens is asked whether it still hears: a dead one is silent, too. */
const CHECK_MS = 2_000;

/** Who listens on a channel. */
export interface NewsListener {
  /** Told of what another process has published. */
  readonly onMessage: (text: string) => void;
  /** Listening begins, or begins again: what was published until then may have been missed. */
  readonly onListening: () => void;
}

/**
 * Messages between the processes with the same Redis, over a connection of their own. Anybody with access to the server
 * can publish, so a message never says what is so, only what to read anew.
 */
export class RedisNews {
  readonly #publisher: RedisConnection;
  readonly #subscriber: Redis;
  readonly #listeners = new Map<string, NewsListener>();
  readonly #check: NodeJS.Timeout;

  constructor(publisher: RedisConnection) {
    this.#publisher = publisher;
    this.#subscriber = publisher.client.duplicate({ autoResubscribe: false });
    this.#subscriber.on('error', () => {});
    this.#subscriber.on('ready', () => {
      for (const channel of this.#listeners.keys()) void this.#subscribe(channel);
    });
    this.#subscriber.on('message', (channel: string, text: string) => this.#listeners.get(channel)?.onMessage(text));
    this.#subscriber.connect().catch(() => {});
    this.#check = setInterval(() => {
      // One that does not answer in time is closed by its timeout, and connects anew.
      if (this.#subscriber.status === 'ready') this.#subscriber.ping().catch(() => {});
    }, CHECK_MS).unref();
  }

  /** Listens on a channel, for as long as it takes. */
  listen(channel: string, listener: NewsListener): void {
    this.#listeners.set(channel, listener);
    if (this.#subscriber.status === 'ready') void this.#subscribe(channel);
  }

  /** Publishes; a message that does not reach Redis is lost, and made up for by who rereads when Redis is back. */
  async publish(channel: string, text: string): Promise<void> {
    if (!this.#publisher.isUp) return;
    await this.#publisher.client.publish(channel, text).catch(() => 0);
  }

  close(): void {
    clearInterval(this.#check);
    this.#subscriber.disconnect();
  }

  async #subscribe(channel: string): Promise<void> {
    try {
      await this.#subscriber.subscribe(channel);
    } catch {
      // It went again, or is about to: the next connection comes here, too.
      if (this.#subscriber.status === 'ready') this.#subscriber.disconnect(true);
      return;
    }
    this.#listeners.get(channel)?.onListening();
  }
}
