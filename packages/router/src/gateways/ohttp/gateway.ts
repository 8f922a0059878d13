import { type APIError, apiError, SottoError } from '@sotto/protocol';
import { nodeHpke } from '@sotto/protocol/node';
import {
  OHTTP_CHUNKED_REQUEST_MEDIA_TYPE,
  OHTTP_CHUNKED_RESPONSE_MEDIA_TYPE,
  OHTTP_GATEWAY_PATH,
  OHTTP_KEY_PROBLEM_TYPE,
  OHTTP_KEYS_MEDIA_TYPE,
  OHTTP_REQUEST_MEDIA_TYPE,
  OHTTP_RESPONSE_MEDIA_TYPE,
  openWholeRequest,
  RequestOpener,
} from '@sotto/protocol/ohttp';
import type { KeySchedule } from '../../hpke-keys/key-schedule.ts';
import { asApiError, sendBytes, sendError } from '../../http/answer.ts';
import type { CryptoClock } from '../../http/crypto-clock.ts';
import type { Exchange, Handler, HeaderFields, ResponseSink } from '../../http/exchange.ts';
import type { Route } from '../../http/route-table.ts';
import type { ReplayMemory } from '../../replay/replay-memory.ts';
import { checkFreshness, sendDateProblem } from './freshness.ts';
import { GATEWAY_ALIAS_PATH, type InnerRequest, innerRequest } from './inner-request.ts';
import { MessageParts } from './message-parts.ts';
import { sendProblem } from './problem.ts';
import { SealingSink } from './sealing-sink.ts';
import { WholeAnswer } from './whole-answer.ts';

/** What the gateway needs of the rest of the router. */
export interface OhttpGatewayOptions {
  readonly keys: Pick<KeySchedule, 'find' | 'encodedConfigs' | 'maxAgeSeconds'>;
  /** The router's one handler: it answers the opened request as it would any other. */
  readonly handle: Handler;
  /** Told of what the gateway itself gets wrong once a request is open. */
  readonly onInternalError: (requestId: string, error: unknown) => void;
  /** Told how long opening and sealing take. */
  readonly timed: CryptoClock;
  readonly replays: ReplayMemory;
  readonly replayWindowMs: number;
  /** Longest inner content. */
  readonly maxBodyBytes: number;
  /** Longest content of an answer that is sealed whole. */
  readonly maxAnswerBytes: number;
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
    {
      method: 'GET',
      path,
      handle: ({ sink }) => sendKeys(sink, options.keys),
      operation: {
        summary: 'The key configs to encapsulate requests to (RFC 9458 §3)',
        tag: 'encrypted',
        credential: 'none',
        responses: { 200: { description: 'Key configs, binary.', content: { [OHTTP_KEYS_MEDIA_TYPE]: null } } },
      },
    },
    {
      method: 'POST',
      path,
      handle: (exchange) => answer(exchange, options),
      operation: {
        summary: 'Answer an encapsulated request to any model or chatbot route (RFC 9458)',
        tag: 'encrypted',
        credential: 'none',
        request: { mediaType: OHTTP_CHUNKED_REQUEST_MEDIA_TYPE },
        responses: {
          200: {
            description: 'The encapsulated answer; a request that is not chunked gets one that is not.',
            content: { [OHTTP_CHUNKED_RESPONSE_MEDIA_TYPE]: null, [OHTTP_RESPONSE_MEDIA_TYPE]: null },
          },
        },
      },
    },
  ]);
}

function sendKeys(sink: ResponseSink, keys: OhttpGatewayOptions['keys']): void {
  const maxAge = Math.min(keys.maxAgeSeconds, MAX_KEY_AGE_SECONDS);
  const headers = { 'content-type': OHTTP_KEYS_MEDIA_TYPE, 'cache-control': `public, max-age=${maxAge}` };
  sendBytes(sink, 200, headers, keys.encodedConfigs);
}

async function answer(exchange: Exchange, options: OhttpGatewayOptions): Promise<void> {
  const mediaType = (exchange.request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
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
  let failure: APIError | null = null;
  const beganMs = performance.now();
  try {
    await opener.push(body);
    await opener.finish();
  } catch (error) {
    if (!opener.authenticated) return refuseUnopened(exchange, error);
    failure = asApiError(error);
  }
  options.timed('ohttp_open', beganMs);
  const sink = new SealingSink(exchange.sink, await opener.sealResponse(), options);
  await dispatch({ ...exchange, sink }, options, opener.enc, () => {
    if (failure !== null) throw failure;
    return innerRequest(message.finish(), message.content);
  });
}

async function answerWhole(exchange: Exchange, options: OhttpGatewayOptions, body: Uint8Array): Promise<void> {
  let opened: Awaited<ReturnType<typeof openWholeRequest>>;
  const beganMs = performance.now();
  try {
    opened = await openWholeRequest(nodeHpke, (id) => options.keys.find(id), body);
  } catch (error) {
    return refuseUnopened(exchange, error);
  }
  options.timed('ohttp_open', beganMs);
  const whole = new WholeAnswer(options.maxAnswerBytes);
  exchange.sink.onClose(() => whole.close());
  await dispatch({ ...exchange, sink: whole }, options, opened.enc, () => {
    const message = new MessageParts(options.maxBodyBytes);
    message.push(opened.message);
    return innerRequest(message.finish(), message.content);
  });
  const message = await whole.message();
  const sealingMs = performance.now();
  const sealed = await opened.sealResponse(message);
  options.timed('ohttp_seal', sealingMs);
  sendBytes(exchange.sink, 200, { 'content-type': OHTTP_RESPONSE_MEDIA_TYPE, 'cache-control': 'no-store' }, sealed);
}

/** Answers an opened request. Whatever goes wrong from here on is told inside the ciphertext. */
async function dispatch(
  exchange: Exchange,
  options: OhttpGatewayOptions,
  enc: Uint8Array | null,
  read: () => InnerRequest,
): Promise<void> {
  let { sink } = exchange;
  sink.preset({ 'x-request-id': exchange.id });
  try {
    const { request, dateMs } = read();
    if (request.method === 'HEAD') sink = withoutContent(sink);
    const refusal = await checkFreshness(options, dateMs, enc);
    if (refusal !== null) sendDateProblem(sink, refusal);
    else await options.handle({ ...exchange, sink, request });
  } catch (error) {
    const told = asApiError(error);
    if (exchange.notes !== undefined) exchange.notes.code = told.code;
    if (told.code === 'internal_error') options.onInternalError(exchange.id, error);
    sendError(sink, told);
  }
}

/** RFC 9110 §9.3.2: the answer to HEAD has no content, and inside a message no server behind us takes it away. */
function withoutContent(sink: ResponseSink): ResponseSink {
  return {
    preset: (headers) => sink.preset(headers),
    head: (status, headers) => sink.head(status, headers),
    write: () => true,
    end: () => sink.end(),
    abort: () => sink.abort(),
    onDrain: (listener) => sink.onDrain(listener),
    onClose: (listener) => sink.onClose(listener),
  };
}

/** Says in clear that nothing could be opened: one status and one text, but for the id of the key, which is public. */
function refuseUnopened({ sink, notes }: Exchange, error: unknown): void {
  if (!SottoError.isInstance(error)) throw error;
  if (notes !== undefined) notes.code = error.code;
  if (error.code === 'unknown_key_id') sendProblem(sink, 422, OHTTP_KEY_PROBLEM_TYPE);
  else sendProblem(sink, 400, 'about:blank');
}
