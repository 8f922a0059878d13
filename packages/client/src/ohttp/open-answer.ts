import { SecurityError } from '@sotto/protocol';
import { type Field, ResponseDecoder, type ResponseHead } from '@sotto/protocol/bhttp';
import type { ResponseOpener, SealedRequest } from '@sotto/protocol/ohttp';
import type { ResponseBody } from '../transport.ts';

/** An answer that came out of the ciphertext. */
export interface InnerResponse {
  /** 200 to 599. */
  readonly status: number;
  readonly headers: readonly Field[];
  /**
   * The content, decrypted as it is read. Its end is the authenticated end; iterating throws SecurityError
   * `response_truncated`, `decryption_failed`, `chunk_too_large` or `invalid_response` otherwise.
   */
  readonly body: ResponseBody;
}

/**
 * Opens the answer to a request, up to its head.
 * @param onEnd called once: with true at the authenticated end, else with false, and then ends the outer exchange
 * @throws SecurityError `response_truncated`, `decryption_failed`, `chunk_too_large`, `invalid_response`
 * @throws APIConnectionError `connection_failed` where the connection broke before anything was authenticated
 */
export async function openAnswer(
  sealed: SealedRequest,
  body: ResponseBody,
  onEnd: (complete: boolean) => void,
): Promise<InnerResponse> {
  const content = new AnswerContent(sealed, body, onEnd);
  const { status, headers } = await content.head();
  return { status, headers, body: content };
}

/** Reads a sealed body no faster than its content is asked for. */
class AnswerContent implements ResponseBody {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #opener: ResponseOpener;
  readonly #decoder: ResponseDecoder;
  readonly #onEnd: (complete: boolean) => void;
  #head: ResponseHead | null = null;
  #pieces: Uint8Array[] = [];
  #state: 'open' | 'complete' | 'failed' = 'open';

  constructor(sealed: SealedRequest, body: ResponseBody, onEnd: (complete: boolean) => void) {
    this.#onEnd = onEnd;
    this.#source = body[Symbol.asyncIterator]();
    this.#decoder = new ResponseDecoder({
      onHead: (head) => {
        this.#head = head;
      },
      onContent: (content) => {
        this.#pieces.push(content);
      },
      onTrailers: () => undefined,
    });
    this.#opener = sealed.openResponse((plaintext) => this.#decoder.push(plaintext));
  }

  async head(): Promise<ResponseHead> {
    while (this.#head === null) await this.#advance();
    return this.#head;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const pieces = this.#pieces;
        this.#pieces = [];
        yield* pieces;
        if (this.#state !== 'open') return;
        await this.#advance();
      }
    } finally {
      await this.cancel();
    }
  }

  async cancel(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    // Not the source's own `return`: that would wait for the read under way.
    this.#onEnd(false);
  }

  /** Takes one more read of the sealed body, or its end. */
  async #advance(): Promise<void> {
    try {
      const next = await this.#read();
      if (next.done === true) {
        await this.#opener.finish();
        this.#decoder.finish();
        this.#state = 'complete';
        this.#onEnd(true);
        return;
      }
      await this.#opener.push(next.value);
    } catch (error) {
      await this.cancel();
      throw error;
    }
  }

  async #read(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#source.next();
    } catch (cause) {
      if (this.#head === null) throw cause;
      // However the connection ended, what has been handed out is not the whole answer.
      throw new SecurityError('the answer was cut off before its end: what came is not all', {
        code: 'response_truncated',
        cause,
      });
    }
  }
}
