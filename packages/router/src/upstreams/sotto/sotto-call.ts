import type { APIError } from '@sotto/protocol';
import type { HeaderFields } from '../../http/exchange.ts';
import type { UpstreamCall, UpstreamListener } from '../upstream.ts';
import { callFailure } from './call-failure.ts';
import { readTierRefusal } from './tier-refusal.ts';

/** What a call tells its upstream, beside what it tells its listener. */
export interface SottoCallHooks {
  /** An answer came: the router has proved what it must. */
  onBegun(): void;
  /** Nothing was sealed: the router has not proved what it must. */
  onUnproved(): void;
  /** The call is over, in whatever way. */
  onOver(call: SottoCall): void;
}

/** A sealed request to another router: pulls the answer out of the ciphertext as fast as the listener takes it. */
export class SottoCall implements UpstreamCall {
  readonly #listener: UpstreamListener;
  readonly #hooks: SottoCallHooks;
  readonly #abort = new AbortController();
  #over = false;
  #begun = false;
  #paused = false;
  #goOn: () => void = () => {};

  constructor(listener: UpstreamListener, hooks: SottoCallHooks) {
    this.#listener = listener;
    this.#hooks = hooks;
  }

  /** Sends the request and reports its answer. Never rejects, and reports nothing before it has returned. */
  async run(send: (signal: AbortSignal) => Promise<Response>): Promise<void> {
    await null;
    try {
      if (!this.#over) await this.#relay(await send(this.#abort.signal));
    } catch (error) {
      const failure = callFailure(error, this.#begun);
      if (failure.code === 'upstream_not_attested' && !this.#over) this.#hooks.onUnproved();
      this.fail(failure);
    }
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#goOn();
  }

  cancel(): void {
    if (!this.#finish()) return;
    this.#abort.abort();
    this.#goOn();
  }

  /** Ends the call with an error, and the exchange below it. */
  fail(error: APIError): void {
    if (!this.#finish()) return;
    this.#abort.abort();
    this.#goOn();
    this.#listener.onError(error);
  }

  async #relay(response: Response): Promise<void> {
    this.#begun = true;
    this.#hooks.onBegun();
    const isRefusal = response.status === 403;
    const refusal = isRefusal ? await readTierRefusal(response) : null;
    if (refusal !== null) this.fail(refusal);
    if (this.#over) return;
    // Of any other 403 the status is all that the caller may know.
    const reader = isRefusal ? null : (response.body?.getReader() ?? null);
    this.#listener.onHead(response.status, fieldsOf(response));
    while (reader !== null && !this.#over) {
      while (this.#paused && !this.#over) await this.#resumed();
      if (this.#over) return;
      // What is not asked for is not decrypted, nor read from the socket: the other router waits.
      const { done, value } = await reader.read();
      if (done) break;
      if (!this.#over) this.#listener.onData(value);
    }
    if (this.#finish()) this.#listener.onEnd();
  }

  #resumed(): Promise<void> {
    return new Promise((resolve) => {
      this.#goOn = resolve;
    });
  }

  /** @returns false where the call was over already */
  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#hooks.onOver(this);
    return true;
  }
}

function fieldsOf({ headers }: Response): HeaderFields {
  return Object.fromEntries(headers);
}
