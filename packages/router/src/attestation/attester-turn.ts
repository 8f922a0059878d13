import type { Evidence } from '@sotto/attestation';
import { apiError } from '@sotto/protocol';
import type { EndorsedAttester } from './endorsed-attester.ts';

/**
 * Asks an attester one thing at a time, and no longer than a while: a platform has one device, which refuses a second
 * call beside the first, and a call that hangs holds a thread that the whole process shares.
 */
export class AttesterTurn {
  readonly #attester: EndorsedAttester;
  readonly #timeoutMs: number;
  #last: Promise<unknown> = Promise.resolve();
  /** Whether a call is out, be it given up or not. */
  #isAsked = false;

  constructor(attester: EndorsedAttester, timeoutMs: number) {
    this.#attester = attester;
    this.#timeoutMs = timeoutMs;
  }

  /** Evidence that commits to `reportData`, 64 bytes. Rejects with what the attester does, or when its time is over. */
  attest(reportData: Uint8Array, nonce?: Uint8Array): Promise<Evidence> {
    const turn = this.#last.then(() => this.#ask(reportData, nonce));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #ask(reportData: Uint8Array, nonce: Uint8Array | undefined): Promise<Evidence> {
    // A second call behind one that does not come back would hang as well, and hold another thread.
    if (this.#isAsked) throw unavailable('the attester has not come back from an earlier call');
    const limit = new AbortController();
    const call = this.#call(reportData, limit.signal, nonce);
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        limit.abort();
        reject(unavailable(`the attester did not answer within ${this.#timeoutMs} ms`));
      }, this.#timeoutMs);
    });
    try {
      return await Promise.race([call, over]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #call(reportData: Uint8Array, signal: AbortSignal, nonce: Uint8Array | undefined): Promise<Evidence> {
    this.#isAsked = true;
    try {
      return await this.#attester.attest(reportData, signal, nonce);
    } finally {
      this.#isAsked = false;
    }
  }
}

/** Between two attempts of a client whose router could not attest. */
const RETRY_AFTER_MS = 5_000;

/** What a client is told when there is no evidence to give: nothing of why, which is the operator's to read. */
export function unavailable(message: string, cause?: unknown) {
  return apiError('evidence_unavailable', message, { retryAfterMs: RETRY_AFTER_MS, cause });
}
