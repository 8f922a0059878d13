import { Buffer } from 'node:buffer';
import { APIError, apiError } from '@sotto/protocol';
import { EventReader } from '../../http/event-reader.ts';
import type { HeaderFields } from '../../http/exchange.ts';
import { BoundedBody } from '../bounded-body.ts';
import type { UpstreamCall, UpstreamListener } from '../upstream.ts';
import { MAX_ERROR_BYTES } from '../upstream-error.ts';
import { readMessage } from './chat-completion.ts';
import { ChatStream } from './chat-stream.ts';
import { translateError } from './error-answer.ts';
import { ReportedCall } from './reported-call.ts';

/** Longest answer in one piece: ten times what a model's longest has. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Longest event; those of the Messages API have a few hundred bytes. */
const MAX_EVENT_BYTES = 1024 * 1024;
const EVENT_STREAM: HeaderFields = { 'content-type': 'text/event-stream; charset=utf-8' };
/** OpenAI's API reference, streaming: what follows the last event. */
const DONE = Buffer.from('data: [DONE]\n\n');

/** How the answer of a chat request is to be told. */
export interface ChatCallOptions {
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** Unix time, seconds. */
  readonly created: number;
}

/** A chat request under way: hears the Messages API's answer, and tells it in OpenAI's form. */
export class ChatCall extends ReportedCall implements UpstreamListener {
  readonly #options: ChatCallOptions;
  readonly #chat: ChatStream;
  readonly #reader = new EventReader(MAX_EVENT_BYTES);
  #call: UpstreamCall | null = null;
  #status = 0;
  #headers: HeaderFields = {};
  #body: BoundedBody | null = null;
  #begun = false;

  constructor(listener: UpstreamListener, options: ChatCallOptions) {
    super(listener);
    this.#options = options;
    this.#chat = new ChatStream(options.created, options.includeUsage);
  }

  /** Sets the call to the API that this one tells of. */
  follow(call: UpstreamCall): void {
    this.#call = call;
  }

  pause(): void {
    this.#call?.pause();
  }

  resume(): void {
    this.#call?.resume();
  }

  override cancel(): void {
    super.cancel();
    this.#call?.cancel();
  }

  onHead(status: number, headers: HeaderFields): void {
    this.#status = status;
    this.#headers = headers;
    const isEventStream = headers['content-type']?.startsWith('text/event-stream') ?? false;
    if (status !== 200) this.#body = new BoundedBody(MAX_ERROR_BYTES);
    else if (isEventStream !== this.#options.stream) {
      const asked = this.#options.stream ? 'as a stream' : 'in one piece';
      this.#break(
        apiError('upstream_invalid_response', `the model server did not answer ${asked}, as it was asked to`),
      );
    } else if (!isEventStream) this.#body = new BoundedBody(MAX_ANSWER_BYTES);
  }

  onData(chunk: Uint8Array): void {
    if (this.isOver) return;
    if (this.#body === null) this.#attempt(() => this.#pass(chunk));
    else if (!this.#body.push(chunk) && this.#status === 200) {
      this.#break(apiError('upstream_invalid_response', 'the model server answered at too great length'));
    }
  }

  onEnd(): void {
    if (this.isOver) return;
    const body = this.#body?.bytes() ?? null;
    if (body === null) this.#endStream();
    else if (this.#status === 200) {
      this.#attempt(() => this.answerJson(200, readMessage(body, this.#options.created)));
    } else {
      const error = translateError(this.#status, this.#headers, body);
      this.answerJson(error.status, error.body, error.headers);
    }
  }

  onError(error: APIError): void {
    this.fail(error);
  }

  #pass(chunk: Uint8Array): void {
    let text = '';
    try {
      for (const data of this.#reader.read(chunk)) text += this.#chat.translate(data);
    } catch (error) {
      // Nothing has been said yet: left so, another upstream has its chance.
      if (this.#begun) this.#tell(text);
      throw error;
    }
    this.#tell(text);
  }

  /** The head comes with the first event: a server that fails before it leaves another upstream its chance. */
  #tell(text: string): void {
    if (text === '') return;
    if (!this.#begun) this.head(200, EVENT_STREAM);
    this.#begun = true;
    this.data(Buffer.from(text));
  }

  #endStream(): void {
    if (!this.#chat.isFinished) {
      this.fail(apiError('upstream_failed', 'the model server ended its stream before the answer was finished'));
      return;
    }
    this.data(DONE);
    this.end();
  }

  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      // What is not typed comes of the answer too: nested so deeply that it cannot be written again.
      this.#break(APIError.isInstance(error) ? error : unreadable(error));
    }
  }

  #break(error: APIError): void {
    this.#call?.cancel();
    this.fail(error);
  }
}

function unreadable(cause: unknown): APIError {
  return apiError('upstream_invalid_response', 'the model server answered with something that cannot be read', {
    cause,
  });
}
