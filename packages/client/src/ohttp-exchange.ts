import { decodeUtf8, encodeUtf8, parseErrorBody } from '@sotto/protocol';
import type { Field } from '@sotto/protocol/bhttp';
import type { ChatCompletionChunk, CompletionMetadata } from './chat-completion.ts';
import { chunkOfCompletion } from './completion-chunk.ts';
import { readChunks } from './completion-events.ts';
import type { Exchange, ExchangeAnswer, ExchangeRequest, ExchangeStream, ResponseInfo } from './exchange.ts';
import { mediaType } from './media-type.ts';
import type { ChannelResponse } from './ohttp/ohttp-channel.ts';
import type { OhttpChannels } from './ohttp-channels.ts';
import { ohttpMetadata } from './ohttp-metadata.ts';
import { parseCompletion } from './parse-completion.ts';
import { addMetadata, parseAnswer } from './read-completion.ts';
import { readAll } from './transport.ts';

const COMPLETION_PATH = '/v1/chat/completions';
/** An answer that is not streamed is read up to this length. */
const MAX_ANSWER_BYTES = 67_108_864;
/** Error answers are small; of a larger one only the status is told. */
const MAX_ERROR_BYTES = 65_536;

/** Carries chat requests over ohttp: all of it sealed, streams too. */
export class OhttpExchange implements Exchange {
  readonly #channels: OhttpChannels;

  constructor(channels: OhttpChannels) {
    this.#channels = channels;
  }

  async attempt(request: ExchangeRequest, signal: AbortSignal): Promise<ExchangeAnswer> {
    const answer = await this.#send(request, request.payload, signal);
    const completion = await readWhole(answer);
    return { completion: addMetadata(completion, this.#metadata(request, answer)), response: infoOf(answer) };
  }

  async attemptStream(request: ExchangeRequest, signal: AbortSignal): Promise<ExchangeStream> {
    const { streamOptions: stream_options } = request;
    const streamed = { ...request.payload, stream: true, ...(stream_options === undefined ? {} : { stream_options }) };
    const answer = await this.#send(request, streamed, signal);
    const metadata = this.#metadata(request, answer);
    return { chunks: chunksOf(answer, metadata), response: infoOf(answer) };
  }

  async #send(
    request: ExchangeRequest,
    payload: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<ChannelResponse> {
    const content = encodeUtf8(JSON.stringify(payload));
    try {
      const channel = this.#channels.of(request.router, request.tier);
      const inner = { method: 'POST', path: COMPLETION_PATH, headers: headersOf(request), content };
      const answer = await channel.send(inner, signal);
      if (answer.status >= 200 && answer.status < 300) return answer;
      throw await errorOf(answer);
    } finally {
      content.fill(0);
    }
  }

  #metadata({ router, tier, payloadId }: ExchangeRequest, answer: ChannelResponse): CompletionMetadata {
    return ohttpMetadata(payloadId, answer, this.#channels.of(router, tier).trust);
  }
}

function headersOf({ headers, tier, apiKey }: ExchangeRequest): readonly Field[] {
  const fields = {
    accept: 'application/json, text/event-stream',
    ...headers,
    'content-type': 'application/json',
    ...(tier === null ? {} : { 'x-security-tier': tier }),
    ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
  };
  return Object.entries(fields);
}

async function* chunksOf(
  answer: ChannelResponse,
  metadata: CompletionMetadata,
): AsyncGenerator<ChatCompletionChunk, void, undefined> {
  // Some upstreams cannot stream, and answer whole.
  if (mediaType(headerOf(answer, 'content-type')) === 'application/json') {
    yield chunkOfCompletion(parseCompletion(addMetadata(await readWhole(answer), metadata)));
    return;
  }
  let first = true;
  for await (const chunk of readChunks(answer.body)) {
    yield first ? { ...chunk, _metadata: metadata } : chunk;
    first = false;
  }
}

async function readWhole({ body }: ChannelResponse): Promise<Readonly<Record<string, unknown>>> {
  const plaintext = await readAll(body, MAX_ANSWER_BYTES);
  try {
    return parseAnswer(plaintext);
  } finally {
    plaintext.fill(0);
  }
}

/** The error of an error answer, which came out of the ciphertext. */
async function errorOf(answer: ChannelResponse) {
  const headers = Object.fromEntries(answer.headers);
  const body = decodeUtf8(await readAll(answer.body, MAX_ERROR_BYTES)) ?? '';
  return parseErrorBody({ status: answer.status, headers, body, authenticated: true });
}

function infoOf(answer: ChannelResponse): ResponseInfo {
  const headers = new Headers(answer.headers.map(([name, value]): [string, string] => [name, value]));
  return { status: answer.status, requestId: headers.get('x-request-id'), headers };
}

function headerOf({ headers }: ChannelResponse, name: string): string | null {
  return headers.find(([field]) => field === name)?.[1] ?? null;
}
