/**
 * The address that all workers share. With port 0 the first of them is given a port, which those that ask for port 0
 * while one of them listens are given too. When none is left it is lost, unless it is asked for by itself.
 */
export class SharedAddress<Worker> {
  #next: string;
  #told: string | null = null;
  readonly #listening = new Set<Worker>();

  /** @param listen where the configuration says */
  constructor(listen: string) {
    this.#next = listen;
  }

  /** Where the next worker is to listen. */
  get next(): string {
    return this.#next;
  }

  /**
   * Takes note of a worker that listens.
   * @param url as `RouterServer` tells it
   * @returns false where that is not the address of the others, or of those before it: nobody knows of it
   */
  listens(worker: Worker, url: string): boolean {
    const address = url.replace(/^https?:\/\//, '');
    this.#told ??= address;
    if (address !== this.#told) return false;
    this.#listening.add(worker);
    return true;
  }

  left(worker: Worker): void {
    this.#listening.delete(worker);
    if (this.#listening.size === 0 && this.#told !== null) this.#next = this.#told;
  }
}
