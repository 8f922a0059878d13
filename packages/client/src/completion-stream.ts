import { ConfigurationError } from '@sotto/protocol';
import type { ChatCompletionChunk } from './chat-completion.ts';
import { userAborted } from './deadline.ts';

/**
 * The chunks of an answer, to be read once with `for await`. An answer that was cut short throws: the end of the
 * iteration means that the answer is whole.
 */
export class CompletionStream implements AsyncIterable<ChatCompletionChunk> {
  /** Ends the stream: whoever reads it gets an {@link APIUserAbortError}. */
  readonly controller: AbortController;
  readonly #source: AsyncIterable<ChatCompletionChunk>;
  #taken = false;

  constructor(source: AsyncIterable<ChatCompletionChunk>, controller: AbortController = new AbortController()) {
    this.#source = source;
    this.controller = controller;
  }

  /** @throws ConfigurationError `invalid_option` at the second time, which would find nothing */
  [Symbol.asyncIterator](): AsyncIterator<ChatCompletionChunk> {
    if (this.#taken) {
      throw new ConfigurationError('a stream is read once: keep the chunks that are needed again', {
        code: 'invalid_option',
      });
    }
    this.#taken = true;
    return this.#chunks();
  }

  async *#chunks(): AsyncGenerator<ChatCompletionChunk, void, undefined> {
    for await (const chunk of this.#source) {
      if (this.controller.signal.aborted) throw userAborted();
      yield chunk;
    }
    if (this.controller.signal.aborted) throw userAborted();
  }
}

/** A stream of one chunk. */
export function streamOfOne(chunk: ChatCompletionChunk): CompletionStream {
  return new CompletionStream(
    (async function* () {
      yield chunk;
    })(),
  );
}
