import { ConfigurationError, encodeUtf8 } from '@sotto/protocol';
import type { ChatCompletionChunk } from './chat-completion.ts';
import { userAborted } from './deadline.ts';
import { teeIterable } from './tee-iterable.ts';

/**
 * The chunks of an answer as they come, to be read once with `for await`. An answer that was cut short throws: the
 * end of the iteration means that the answer is whole.
 */
export class CompletionStream implements AsyncIterable<ChatCompletionChunk> {
  /** Ends the stream: whoever reads it gets an {@link APIUserAbortError}, and the router hears of it. */
  readonly controller: AbortController;
  readonly #source: AsyncIterable<ChatCompletionChunk>;
  readonly #onEnd: () => void;
  #taken = false;

  /** @param onEnd called when nothing more is read, however that came */
  constructor(
    source: AsyncIterable<ChatCompletionChunk>,
    controller: AbortController = new AbortController(),
    onEnd: () => void = () => undefined,
  ) {
    this.#source = source;
    this.controller = controller;
    this.#onEnd = onEnd;
  }

  /** @throws ConfigurationError `invalid_option` at the second time, which would find nothing */
  [Symbol.asyncIterator](): AsyncIterator<ChatCompletionChunk> {
    if (this.#taken) {
      throw new ConfigurationError('a stream is read once: use tee(), or keep the chunks that are needed again', {
        code: 'invalid_option',
      });
    }
    this.#taken = true;
    return this.#chunks();
  }

  /**
   * Two streams of the same chunks, each read at its own pace: what one has read and the other has not is kept. They
   * share the controller.
   * @throws ConfigurationError `invalid_option` for a stream that is being read
   */
  tee(): [CompletionStream, CompletionStream] {
    const [left, right] = teeIterable(this[Symbol.asyncIterator]());
    return [new CompletionStream(left, this.controller), new CompletionStream(right, this.controller)];
  }

  /**
   * The chunks as lines of JSON, which the official SDK's `ChatCompletionStream.fromReadableStream` reads.
   * @throws ConfigurationError `invalid_option` for a stream that is being read
   */
  toReadableStream(): ReadableStream<Uint8Array> {
    const chunks = this[Symbol.asyncIterator]();
    const { controller: abort } = this;
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const next = await chunks.next();
          if (next.done === true) controller.close();
          else controller.enqueue(encodeUtf8(`${JSON.stringify(next.value)}\n`));
        },
        cancel() {
          // Not the iterator's `return`: that would wait for the chunk that is being read.
          abort.abort();
        },
      },
      { highWaterMark: 0 },
    );
  }

  async *#chunks(): AsyncGenerator<ChatCompletionChunk, void, undefined> {
    const { signal } = this.controller;
    try {
      for await (const chunk of this.#source) {
        if (signal.aborted) throw userAborted();
        yield chunk;
      }
    } catch (error) {
      // What a transport throws when it is stopped says less than why it was stopped.
      throw signal.aborted ? userAborted() : error;
    } finally {
      this.#onEnd();
    }
    if (signal.aborted) throw userAborted();
  }
}
