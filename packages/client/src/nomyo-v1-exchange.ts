import { APIError } from '@sotto/protocol';
import {
  MAX_ENVELOPE_BYTES,
  makeBinding,
  type OpenedResponse,
  openResponse,
  PUBLIC_KEY_HEADER,
  type SealedRequest,
  sealRequest,
} from '@sotto/protocol/nomyo-v1';
import type { ChatCompletionChunk } from './chat-completion.ts';
import type { ClientKeyPair } from './client-key-pair.ts';
import type { ClientKeys } from './client-keys.ts';
import { chunkOfCompletion } from './completion-chunk.ts';
import type { Exchange, ExchangeAnswer, ExchangeRequest, ExchangeStream } from './exchange.ts';
import { warnOfNomyoV1 } from './nomyo-v1-warning.ts';
import { parseCompletion } from './parse-completion.ts';
import { readCompletion } from './read-completion.ts';
import type { ResolvedOptions } from './resolved-options.ts';
import { errorOfAnswer } from './router-answer.ts';
import type { RouterKey } from './router-key.ts';
import type { RouterKeyring } from './router-keyring.ts';
import { readAll, type TransportResponse } from './transport.ts';

const COMPLETION_PATH = '/v1/chat/secure_completion';

/** Carries chat requests in NOMYO's envelope: RSA-OAEP and AES-256-GCM, whole messages, no streams. */
export class NomyoV1Exchange implements Exchange {
  readonly #options: ResolvedOptions;
  readonly #clientKeys: ClientKeys;
  readonly #routerKeys: RouterKeyring;

  constructor(options: ResolvedOptions, clientKeys: ClientKeys, routerKeys: RouterKeyring) {
    this.#options = options;
    this.#clientKeys = clientKeys;
    this.#routerKeys = routerKeys;
  }

  /**
   * One attempt, or two where the router could not open the first and shows another key by now: it was started
   * anew. Pins hold for the other key too.
   */
  async attempt(request: ExchangeRequest, signal: AbortSignal): Promise<ExchangeAnswer> {
    warnOfNomyoV1(this.#options.log);
    const source = this.#routerKeys.of(request.router);
    const [client, routerKey] = await Promise.all([this.#clientKeys.current(), source.get(signal, request.tier)]);
    try {
      return await this.#exchange(request, client, routerKey, signal);
    } catch (error) {
      if (!APIError.isInstance(error) || error.status !== 400 || error.code !== 'decryption_failed') throw error;
      const renewed = await source.renew(signal, request.tier);
      if (renewed.fingerprint === routerKey.fingerprint) throw error;
      return this.#exchange(request, client, renewed, signal);
    }
  }

  /** Nothing streams over this wire: the whole answer, as one chunk. */
  async attemptStream(request: ExchangeRequest, signal: AbortSignal): Promise<ExchangeStream> {
    const { completion, response } = await this.attempt(request, signal);
    return { chunks: oneChunk(chunkOfCompletion(parseCompletion(completion))), response };
  }

  async #exchange(
    request: ExchangeRequest,
    client: ClientKeyPair,
    routerKey: RouterKey,
    signal: AbortSignal,
  ): Promise<ExchangeAnswer> {
    const { platform, transport, log } = this.#options;
    const bound = this.#routerKeys.binds(request.router);
    const sealed = await this.#seal(request, client, routerKey, bound);
    try {
      // An abort while the request was sealed: nothing leaves any more.
      signal.throwIfAborted();
      const answer = await transport.send({
        method: 'POST',
        url: request.router.at(COMPLETION_PATH),
        headers: headersOf(request, client),
        body: sealed.body,
        signal,
      });
      log.debug('the router answered', { status: answer.status, bound });
      if (answer.status !== 200) throw await errorOfAnswer(answer);
      const body = await readAll(answer.body, MAX_ENVELOPE_BYTES);
      const macUnder = bound ? sealed.contentKey : null;
      const opened = await openResponse(platform.crypto, client.privateKey, body, macUnder);
      return { completion: this.#read(opened, request.payloadId), response: infoOf(answer) };
    } finally {
      if (this.#options.secureMemory) sealed.contentKey.fill(0);
    }
  }

  async #seal(
    request: ExchangeRequest,
    client: ClientKeyPair,
    routerKey: RouterKey,
    bound: boolean,
  ): Promise<SealedRequest> {
    const { platform } = this.#options;
    const { payload, payloadId, tier } = request;
    const fields = { payloadId, clientKey: client.publicKey, tier, nowMs: platform.clock.now() };
    const binding = bound ? await makeBinding(platform.crypto, fields) : null;
    return sealRequest(platform.crypto, routerKey.key, payload, binding);
  }

  #read(opened: OpenedResponse, payloadId: string): Readonly<Record<string, unknown>> {
    try {
      return readCompletion(opened, payloadId);
    } finally {
      if (this.#options.secureMemory) opened.plaintext.fill(0);
    }
  }
}

async function* oneChunk(chunk: ChatCompletionChunk): AsyncGenerator<ChatCompletionChunk, void, undefined> {
  yield chunk;
}

function headersOf(request: ExchangeRequest, client: ClientKeyPair): Readonly<Record<string, string>> {
  return {
    ...request.headers,
    'content-type': 'application/octet-stream',
    'x-payload-id': request.payloadId,
    [PUBLIC_KEY_HEADER]: client.header,
    ...(request.tier === null ? {} : { 'x-security-tier': request.tier }),
    ...(request.apiKey === null ? {} : { authorization: `Bearer ${request.apiKey}` }),
  };
}

function infoOf(answer: TransportResponse): ExchangeAnswer['response'] {
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) {
    // `Headers` throws on what is no Latin-1 (Fetch §2.2.2); a stray field is no reason to lose the answer.
    if (/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) headers.append(name, value);
  }
  return { status: answer.status, requestId: headers.get('x-request-id'), headers };
}
