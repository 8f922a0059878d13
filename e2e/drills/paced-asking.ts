/** An ending, and when it came. */
export type Timed<Ending> = Ending & { readonly atMs: number };

/** Asks at an even rate until it is stopped, whatever becomes of the requests before. */
export class PacedAsking<Ending extends object> {
  readonly endings: Timed<Ending>[] = [];
  readonly #waiting = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #sent = 0;

  /** @param ask one request; never rejects. `number` counts from 0 */
  constructor(perSecond: number, ask: (number: number) => Promise<Ending>) {
    this.#timer = setInterval(() => {
      const asked: Promise<void> = ask(this.#sent++).then((ending) => {
        this.endings.push({ ...ending, atMs: performance.now() });
        this.#waiting.delete(asked);
      });
      this.#waiting.add(asked);
    }, 1_000 / perSecond);
  }

  get sent(): number {
    return this.#sent;
  }

  /** Asks no more, and waits for what is under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#waiting);
  }
}

/** From a moment on until the last of the bad endings that came within `withinMs` of it; 0 where there was none. */
export function recoveryMs(
  endings: readonly { readonly atMs: number; readonly kind: string }[],
  fromMs: number,
  withinMs: number,
): number {
  const bad = endings.filter(({ atMs, kind }) => kind !== 'answered' && atMs >= fromMs && atMs < fromMs + withinMs);
  return bad.reduce((latest, { atMs }) => Math.max(latest, atMs - fromMs), 0);
}
