import type { Server } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { Router } from './router.ts';

const IDLE_SWEEP_MS = 50;
/** How long the last words of what was ended early may take to leave, before their connections are cut. */
const LAST_WORDS_MS = 2_000;

/** How a server that listens comes to its end. */
export class ServerLife {
  readonly #router: Router;
  readonly #hurry = new AbortController();
  #closing: Promise<void> | null = null;

  constructor(router: Router) {
    this.#router = router;
  }

  /** Whether the end has been asked for. */
  get leaving(): boolean {
    return this.#closing !== null;
  }

  /**
   * Tells probes, and after the configured delay takes nothing more; ends when all is over, or after the grace. Asked
   * again, it is the same end.
   */
  close(server: Server): Promise<void> {
    this.#closing ??= this.#close(server);
    return this.#closing;
  }

  /** Cuts what is under way; the end comes at once. */
  terminate(server: Server): void {
    this.#hurry.abort();
    server.closeAllConnections();
    this.#router.webSockets.terminate();
  }

  async #close(server: Server): Promise<void> {
    const { drainDelaySeconds, shutdownGraceSeconds } = this.#router.config;
    this.#router.leave();
    await this.#sleep(drainDelaySeconds * 1_000);
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    const drained = this.#router.drain();
    const grace = new AbortController();
    void this.#endAfter(shutdownGraceSeconds * 1_000, server, grace.signal);
    await drained;
    // A connection turns idle only once its last answer has left the socket.
    const sweep = setInterval(() => server.closeIdleConnections(), IDLE_SWEEP_MS);
    await closed;
    clearInterval(sweep);
    grace.abort();
    await this.#router.close();
  }

  /** Ends what is still under way in words, and then cuts what has not left. */
  async #endAfter(delayMs: number, server: Server, over: AbortSignal): Promise<void> {
    await this.#sleep(delayMs, over);
    if (over.aborted) return;
    this.#router.endUnderWay();
    await this.#sleep(LAST_WORDS_MS, over);
    if (!over.aborted) this.terminate(server);
  }

  /** Ends early where the end is to come at once, or the wait is pointless. */
  async #sleep(delayMs: number, over?: AbortSignal): Promise<void> {
    if (delayMs === 0) return;
    const signal = over === undefined ? this.#hurry.signal : AbortSignal.any([this.#hurry.signal, over]);
    await wait(delayMs, undefined, { signal }).catch(() => {});
  }
}
