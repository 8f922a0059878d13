import type { Awaitable } from '@sotto/protocol';
import { type EhbpSealedResponse, RESPONSE_NONCE_HEADER } from '@sotto/protocol/ehbp';
import type { CryptoClock } from '../../http/crypto-clock.ts';
import type { HeaderFields, ResponseSink } from '../../http/exchange.ts';

/** Seals an answer's body in frames; status and header fields stay in clear, as this protocol has it. */
export class FrameSink implements ResponseSink {
  status: number | undefined;
  readonly #outer: ResponseSink;
  readonly #response: EhbpSealedResponse;
  readonly #timed: CryptoClock;

  constructor(outer: ResponseSink, response: EhbpSealedResponse, timed: CryptoClock) {
    this.#outer = outer;
    this.#response = response;
    this.#timed = timed;
  }

  preset(headers: HeaderFields): void {
    this.#outer.preset(headers);
  }

  head(status: number, headers: HeaderFields): void {
    this.status = status;
    // The plaintext's length is not the body's.
    const { 'content-length': _length, ...kept } = headers;
    this.#outer.head(status, { ...kept, [RESPONSE_NONCE_HEADER]: this.#response.responseNonce });
  }

  write(chunk: Uint8Array): boolean {
    const beganMs = performance.now();
    const sealed: Awaitable<Uint8Array> = this.#response.sealer.seal(chunk);
    this.#timed('ehbp_seal', beganMs);
    if (sealed instanceof Promise) throw new TypeError('the router needs a synchronous HPKE provider');
    return sealed.length === 0 || this.#outer.write(sealed);
  }

  end(): void {
    this.#outer.end();
  }

  abort(): void {
    this.#outer.abort();
  }

  onDrain(listener: () => void): void {
    this.#outer.onDrain(listener);
  }

  onClose(listener: () => void): void {
    this.#outer.onClose(listener);
  }
}
