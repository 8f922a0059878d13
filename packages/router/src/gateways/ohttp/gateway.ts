import { createHash } from 'node:crypto';
import { type APIError, apiError, errorBody, SottoError } from '@sotto/protocol';
import { encodeResponse, RequestDecoder, type RequestHead } from '@sotto/protocol/bhttp';
import { nodeHpke } from '@sotto/protocol/node';
import {
  OHTTP_CHUNKED_REQUEST_MEDIA_TYPE,
  OHTTP_DATE_PROBLEM_TYPE,
  OHTTP_GATEWAY_PATH,
  OHTTP_KEY_PROBLEM_TYPE,
  OHTTP_KEYS_MEDIA_TYPE,
  OHTTP_REQUEST_MEDIA_TYPE,
  OHTTP_RESPONSE_MEDIA_TYPE,
  openWholeRequest,
  PROBLEM_MEDIA_TYPE,
  paddingFor,
  RequestOpener,
} from '@sotto/protocol/ohttp';
import type { KeySchedule } from '../../hpke-keys/key-schedule.ts';
import { asApiError, sendBytes, sendError, sendJson } from '../../http/answer.ts';
import { CollectingSink } from '../../http/collecting-sink.ts';
import type { Exchange, Handler, HeaderFields, ResponseSink } from '../../http/exchange.ts';
import type { Route } from '../../http/route-table.ts';
import type { ReplayMemory } from '../../replay/replay-memory.ts';
import { GATEWAY_ALIAS_PATH, innerRequest } from './inner-request.ts';
import { sendProblem } from './problem.ts';
import { SealingSink } from './sealing-sink.ts';

/** What the gateway needs of the rest of the router. */
export interface OhttpGatewayOptions {
  readonly keys: KeySchedule;
  /** The router's one handler: it answers the opened request as it would any other. */
  readonly handle: Handler;
  readonly replays: ReplayMemory;
  readonly replayWindowMs: number;
  /** Longest inner content. */
  readonly maxBodyBytes: number;
  /** How long streamed events are gathered into one chunk, by the inner answer's header fields. */
  readonly coalesceMs: (headers: HeaderFields) => number;
}

/** Framing, padding and header sections add at most an eighth and this to the content. */
const OVERHEAD_BYTES = 131_072;
/** Clients ask again at least this often, so that a rotation out of turn is noticed. */
const MAX_KEY_AGE_SECONDS = 3_600;

/** The gateway of RFC 9458, chunked and whole, at RFC 9540's path and at `/ohttp`. */
export function ohttpGatewayRoutes(options: OhttpGatewayOptions): readonly Route[] {
  return [OHTTP_GATEWAY_PATH, GATEWAY_ALIAS_PATH].flatMap((path): readonly Route[] => [
    { method: 'GET', path, handle: ({ sink }) => sendKeys(sink, options.keys) },
    { method: 'POST', path, handle: (exchange) => answer(exchange, options) },
  ]);
}

function sendKeys(sink: ResponseSink, keys: KeySchedule): void {
  const maxAge = Math.min(keys.maxAgeSeconds, MAX_KEY_AGE_SECONDS);
  const headers = { 'content-type': OHTTP_KEYS_MEDIA_TYPE, 'cache-control': `public, max-age=${maxAge}` };
  sendBytes(sink, 200, headers, keys.encodedConfigs);
}

async function answer(exchange: Exchange, options: OhttpGatewayOptions): Promise<void> {
  const mediaType = (exchange.request.headers['content-type'] ?? '').split(';')[0]?.trim();
  const maxBytes = options.maxBodyBytes + options.maxBodyBytes / 8 + OVERHEAD_BYTES;
  switch (mediaType) {
    case OHTTP_CHUNKED_REQUEST_MEDIA_TYPE:
      return answerChunked(exchange, options, await exchange.request.body(maxBytes));
    case OHTTP_REQUEST_MEDIA_TYPE:
      return answerWhole(exchange, options, await exchange.request.body(maxBytes));
    default:
      throw apiError('unsupported_media_type', `a gateway takes ${OHTTP_CHUNKED_REQUEST_MEDIA_TYPE}`);
  }
}

async function answerChunked(exchange: Exchange, options: OhttpGatewayOptions, body: Uint8Array): Promise<void> {
  const message = new MessageParts(options.maxBodyBytes);
  const opener = new RequestOpener(
    nodeHpke,
    (id) => options.keys.find(id),
    (chunk) => message.push(chunk),
  );
  let failure: unknown = null;
  try {
    await opener.push(body);
    await opener.finish();
  } catch (error) {
    if (!opener.authenticated) return refuseUnopened(exchange.sink, error);
    failure = error;
  }
  const sink = new SealingSink(exchange.sink, await opener.sealResponse(), options.coalesceMs);
  if (failure !== null) return sendError(sink, asApiError(failure));
  await dispatch({ ...exchange, sink }, options, message, opener.enc);
}

async function answerWhole(exchange: Exchange, options: OhttpGatewayOptions, body: Uint8Array): Promise<void> {
  let opened: Awaited<ReturnType<typeof openWholeRequest>>;
  try {
    opened = await openWholeRequest(nodeHpke, (id) => options.keys.find(id), body);
  } catch (error) {
    return refuseUnopened(exchange.sink, error);
  }
  const message = new MessageParts(options.maxBodyBytes);
  const sink = new CollectingSink();
  exchange.sink.onClose(() => sink.close());
  message.push(opened.message);
  await dispatch({ ...exchange, sink }, options, message, opened.enc);
  const collected = await sink.answer;
  // A whole message cannot be cut off half-way: what broke off is not sent at all.
  if (!collected.complete) return exchange.sink.abort();
  const response = {
    status: collected.status,
    headers: Object.entries(collected.headers),
    informational: [],
    content: collected.body,
    trailers: [],
  };
  const paddingBytes = paddingFor(encodeResponse(response).length);
  const sealed = await opened.sealResponse(encodeResponse(response, { paddingBytes }));
  sendBytes(exchange.sink, 200, { 'content-type': OHTTP_RESPONSE_MEDIA_TYPE, 'cache-control': 'no-store' }, sealed);
}

/** Answers an opened request. Whatever goes wrong from here on is told inside the ciphertext. */
async function dispatch(
  exchange: Exchange,
  options: OhttpGatewayOptions,
  message: MessageParts,
  enc: Uint8Array | null,
): Promise<void> {
  const { sink } = exchange;
  try {
    const { request, dateMs } = innerRequest(message.finish(), message.content);
    const refusal = await checkFreshness(options, dateMs, enc);
    if (refusal !== null) sendDateProblem(sink, refusal);
    else await options.handle({ ...exchange, request });
  } catch (error) {
    sendError(sink, asApiError(error));
  }
}

/**
 * A request is fresh once, within the window around its `Date` (protocol-ohttp §6).
 * @throws ServiceUnavailableError `overloaded` where the memory is full: failing closed, nothing is forgotten early
 */
async function checkFreshness(
  options: OhttpGatewayOptions,
  dateMs: number | null,
  enc: Uint8Array | null,
): Promise<APIError | null> {
  if (enc === null || dateMs === null || Math.abs(Date.now() - dateMs) > options.replayWindowMs) {
    return apiError('replayed_request', 'the request has no Date within the time window: check both clocks');
  }
  const id = createHash('sha256').update(enc).digest('base64').slice(0, 22);
  switch (await options.replays.add(`ohttp:${id}`)) {
    case 'added':
      return null;
    case 'seen':
      return apiError('replayed_request', 'this very request has been answered before: seal each request anew');
    case 'full':
      throw apiError('overloaded', 'too many requests in a short time: try again later', { retryAfterMs: 10_000 });
  }
}

/** RFC 9458 §6.5.1, with the members that OpenAI's SDKs read beside those of RFC 9457. */
function sendDateProblem(sink: ResponseSink, error: APIError): void {
  const body = { type: OHTTP_DATE_PROBLEM_TYPE, title: error.message, status: error.status, ...errorBody(error) };
  sendJson(sink, error.status, body, { 'content-type': PROBLEM_MEDIA_TYPE, date: new Date().toUTCString() });
}

/** Says in clear that nothing could be opened: one status and one text, but for the id of the key, which is public. */
function refuseUnopened(sink: ResponseSink, error: unknown): void {
  if (!SottoError.isInstance(error)) throw error;
  if (error.code === 'unknown_key_id') sendProblem(sink, 422, OHTTP_KEY_PROBLEM_TYPE);
  else sendProblem(sink, 400, 'about:blank');
}

/** The Binary HTTP message inside, as its chunks come. */
class MessageParts {
  readonly content: Uint8Array[] = [];
  readonly #decoder: RequestDecoder;
  #head: RequestHead | null = null;

  constructor(maxBodyBytes: number) {
    const handler = {
      onHead: (head: RequestHead) => {
        this.#head = head;
      },
      onContent: (part: Uint8Array) => void this.content.push(part),
      onTrailers: () => {},
    };
    this.#decoder = new RequestDecoder(handler, { contentBytes: maxBodyBytes });
  }

  push(chunk: Uint8Array): void {
    this.#decoder.push(chunk);
  }

  /** @throws InvalidRequestError `request_truncated` */
  finish(): RequestHead {
    this.#decoder.finish();
    if (this.#head === null) throw apiError('invalid_message', 'the encapsulated request has no head');
    return this.#head;
  }
}
