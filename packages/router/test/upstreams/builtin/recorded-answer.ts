import { type APIError, concatBytes, decodeUtf8, encodeUtf8 } from '@sotto/protocol';
import { z } from 'zod';
import type { HeaderFields } from '../../../src/http/exchange.ts';
import type { Upstream, UpstreamCall, UpstreamListener } from '../../../src/upstreams/upstream.ts';

/** Listens to one call and keeps what it reports, in order. */
export class RecordedAnswer implements UpstreamListener {
  readonly chunks: Uint8Array[] = [];
  status: number | null = null;
  headers: HeaderFields = {};
  error: APIError | null = null;
  ended = false;
  /** Called for every chunk, after it was kept. */
  onChunk: () => void = () => {};
  /** Resolves at `onEnd` or `onError`. */
  readonly over: Promise<void>;
  #resolve: () => void = () => {};

  constructor() {
    this.over = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  onHead(status: number, headers: HeaderFields): void {
    this.status = status;
    this.headers = headers;
  }

  onData(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.onChunk();
  }

  onEnd(): void {
    this.ended = true;
    this.#resolve();
  }

  onError(error: APIError): void {
    this.error = error;
    this.#resolve();
  }

  get body(): string {
    return decodeUtf8(concatBytes(...this.chunks)) ?? 'not UTF-8';
  }

  get json(): z.output<typeof wholeAnswer> {
    return wholeAnswer.parse(JSON.parse(this.body));
  }

  get refusal(): z.output<typeof refusal>['error'] {
    return refusal.parse(JSON.parse(this.body)).error;
  }

  /** The events of a stream, without `[DONE]`, which must be there and last. */
  get events(): readonly z.output<typeof streamEvent>[] {
    const events = this.body.split('\n\n');
    if (events.pop() !== '' || events.pop() !== 'data: [DONE]') throw new Error('the stream does not end in [DONE]');
    return events.map((event) => streamEvent.parse(JSON.parse(event.replace(/^data: /, ''))));
  }

  /** A stream's text, put together. */
  get streamed(): string {
    return this.events.map(({ choices: [choice] }) => choice?.delta?.content ?? choice?.text ?? '').join('');
  }
}

const usage = z.strictObject({
  prompt_tokens: z.int().min(1),
  completion_tokens: z.int().min(0),
  total_tokens: z.int().min(1),
});
const finishReason = z.enum(['stop', 'length']);
const shared = { id: z.string(), object: z.string(), created: z.int(), model: z.string() };

const wholeAnswer = z.strictObject({
  ...shared,
  choices: z.tuple([
    z.strictObject({
      index: z.literal(0),
      message: z.strictObject({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }).optional(),
      text: z.string().optional(),
      logprobs: z.null(),
      finish_reason: finishReason,
    }),
  ]),
  usage,
});

const streamEvent = z.strictObject({
  ...shared,
  choices: z.array(
    z.strictObject({
      index: z.literal(0),
      delta: z.strictObject({ role: z.literal('assistant').optional(), content: z.string().optional() }).optional(),
      text: z.string().optional(),
      logprobs: z.null(),
      finish_reason: finishReason.nullable(),
    }),
  ),
  usage: usage.nullable().optional(),
});

const refusal = z.strictObject({
  error: z.strictObject({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string(),
  }),
});

/** Starts a request. */
export function post(upstream: Upstream, path: string, body: object): { call: UpstreamCall; answer: RecordedAnswer } {
  const answer = new RecordedAnswer();
  const call = upstream.start(
    { method: 'POST', path, body: encodeUtf8(JSON.stringify(body)), stream: 'stream' in body && body.stream === true },
    answer,
  );
  return { call, answer };
}

/** Starts a request and waits until it is over. */
export async function ask(upstream: Upstream, path: string, body: object): Promise<RecordedAnswer> {
  const { answer } = post(upstream, path, body);
  await answer.over;
  return answer;
}

/** A chat request with one message, at temperature 0. */
export function question(text: string, more: object = {}): object {
  return { messages: [{ role: 'user', content: text }], temperature: 0, ...more };
}

/** Asks for a chat completion and waits for it. */
export function chat(upstream: Upstream, text: string, more: object = {}): Promise<RecordedAnswer> {
  return ask(upstream, '/chat/completions', question(text, more));
}
