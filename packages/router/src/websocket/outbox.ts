import type { WebSocket } from 'ws';

/** How much may wait for a slow reader, and how long. */
export interface OutboxOptions {
  /** Writers are told to wait from here on. */
  readonly highWaterBytes: number;
  /** The connection is cut where this much waits and still more is to come. */
  readonly maxBytes: number;
  /** The connection is cut where the reader takes this long, and a while for each byte, to make room. */
  readonly stallMs: number;
  /** Told whenever the network has taken a message. */
  readonly onProgress: () => void;
}

/** The slowest reader that is waited for: half a megabit a second. */
const SLOWEST_BYTES_PER_MS = 64;

/** The messages on their way out of one connection, with backpressure. */
export class Outbox {
  readonly #socket: WebSocket;
  readonly #options: OutboxOptions;
  readonly #waiting = new Set<() => void>();
  #stall: NodeJS.Timeout | null = null;

  constructor(socket: WebSocket, options: OutboxOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /** Whether writers should wait. */
  get isFull(): boolean {
    return this.#socket.bufferedAmount >= this.#options.highWaterBytes;
  }

  /** Sends one message. After the connection's end nothing happens. */
  send(text: string): void {
    const socket = this.#socket;
    if (socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > this.#options.maxBytes) {
      socket.terminate();
      return;
    }
    socket.send(text, () => this.#afterSend());
    if (this.isFull && this.#stall === null) this.#startClock();
  }

  /** Sends a JSON value. */
  sendJson(value: unknown): void {
    this.send(JSON.stringify(value));
  }

  /** Calls `listener` once when there is room again. */
  onRoom(listener: () => void): void {
    this.#waiting.add(listener);
  }

  /** Forgets a listener of {@link Outbox.onRoom}. */
  forget(listener: () => void): void {
    this.#waiting.delete(listener);
  }

  /** Stops the clock of a connection that is over. */
  close(): void {
    this.#stopClock();
    this.#waiting.clear();
  }

  #afterSend(): void {
    // Told of a failure too; the connection is over then.
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#options.onProgress();
    this.#stopClock();
    if (this.isFull) {
      this.#startClock();
      return;
    }
    const listeners = [...this.#waiting];
    this.#waiting.clear();
    for (const listener of listeners) listener();
  }

  #startClock(): void {
    const patienceMs = this.#options.stallMs + this.#socket.bufferedAmount / SLOWEST_BYTES_PER_MS;
    this.#stall = setTimeout(() => this.#socket.terminate(), patienceMs);
  }

  #stopClock(): void {
    if (this.#stall !== null) clearTimeout(this.#stall);
    this.#stall = null;
  }
}
