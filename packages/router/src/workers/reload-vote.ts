import { ConfigurationError } from '@sotto/protocol';
import type { ToPrimary } from './messages.ts';

/** What the workers found in a configuration that all of them can take over. */
export type Readiness = Pick<Extract<ToPrimary, { sotto: 'prepared' }>, 'changed' | 'replacesKeys'>;

/** Longest wait for a worker: one that does not answer must not hold up every reload to come. */
const DEADLINE_MS = 60_000;

/**
 * Whether all workers can take a configuration over. One that dies meanwhile has no vote: its successor starts with it.
 * Where none is left, nobody has tried it, nor said whether keys have to come with it: that is a refusal.
 */
export class ReloadVote<Voter> {
  /** Settles when all have said that they can. Rejects with the first refusal. */
  readonly outcome: Promise<Readiness>;
  readonly #missing: Set<Voter>;
  readonly #timer: NodeJS.Timeout;
  #settle: (readiness: Readiness) => void = () => {};
  #reject: (error: Error) => void = () => {};
  #readiness: Readiness | null = null;

  constructor(voters: Iterable<Voter>) {
    this.#missing = new Set(voters);
    this.outcome = new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.#reject = reject;
    });
    this.#timer = setTimeout(() => this.refuse('a worker did not answer in time'), DEADLINE_MS).unref();
    this.#close();
  }

  ready(voter: Voter, readiness: Readiness): void {
    this.#readiness = readiness;
    this.left(voter);
  }

  refuse(message: string): void {
    clearTimeout(this.#timer);
    this.#reject(new ConfigurationError(message, { code: 'invalid_config' }));
  }

  left(voter: Voter): void {
    this.#missing.delete(voter);
    this.#close();
  }

  #close(): void {
    if (this.#missing.size > 0) return;
    clearTimeout(this.#timer);
    if (this.#readiness === null) this.refuse('no worker is there to take it over: try again');
    else this.#settle(this.#readiness);
  }
}
