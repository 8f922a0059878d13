import type { HpkeSuite } from '@sotto/protocol/hpke';
import {
  OHTTP_CHUNKED_REQUEST_MEDIA_TYPE,
  OHTTP_CHUNKED_RESPONSE_MEDIA_TYPE,
  OHTTP_GATEWAY_PATH,
  type Recipient,
  sealRequest,
} from '@sotto/protocol/ohttp';
import { followAbort } from '../abort-link.ts';
import type { Log } from '../log.ts';
import { mediaType } from '../media-type.ts';
import type { RouterUrl } from '../router-url.ts';
import type { TransportRequest } from '../transport.ts';
import { collect } from './collect-content.ts';
import { describeConnection, type SecureConnection } from './connection.ts';
import type { GatewayKeys } from './gateway-keys.ts';
import { encodeInnerHead, type InnerRequest, type StreamedContent } from './inner-request.ts';
import type { Trust } from './key-source.ts';
import { type InnerResponse, openAnswer } from './open-answer.ts';
import type { Relay } from './relay.ts';
import type { OhttpRuntime } from './runtime.ts';
import { sealStreamed, sealWhole } from './seal-content.ts';
import { readRefusal } from './unsealed-answer.ts';

const NO_CONTENT = new Uint8Array(0);

interface OhttpChannelSettings {
  readonly runtime: OhttpRuntime;
  readonly router: RouterUrl;
  readonly keys: GatewayKeys;
  readonly relay: Relay | null;
  readonly log: Log;
}

/** An answer, and what it was sealed with. */
export interface ChannelResponse extends InnerResponse {
  readonly suite: HpkeSuite;
}

/**
 * The sealed way to one router. On the wire there is a POST of opaque bytes and nothing else; no path leads from a
 * failure to an answer that was not decrypted.
 */
export class OhttpChannel {
  readonly #settings: OhttpChannelSettings;
  readonly #origin: URL;
  readonly #outer: Pick<TransportRequest, 'method' | 'url' | 'headers'>;

  constructor(settings: OhttpChannelSettings) {
    const { router, relay } = settings;
    this.#settings = settings;
    this.#origin = new URL(router.base);
    this.#outer = {
      method: 'POST',
      url: relay?.url ?? router.at(OHTTP_GATEWAY_PATH),
      headers: {
        ...relay?.headers,
        'content-type': OHTTP_CHUNKED_REQUEST_MEDIA_TYPE,
        accept: OHTTP_CHUNKED_RESPONSE_MEDIA_TYPE,
        incremental: '?1', // RFC 10036: intermediaries pass on what they have
      },
    };
  }

  /** What vouches for the router's keys. */
  get trust(): Trust {
    return this.#settings.keys.trust;
  }

  /** What requests are sealed with now; finds the router's key where it is not there yet. */
  async connection(signal: AbortSignal): Promise<SecureConnection> {
    const { runtime, keys } = this.#settings;
    return describeConnection(runtime.crypto, await keys.current(signal), keys.trust);
  }

  /** Finds the router's key, if it is not there yet; throws like {@link GatewayKeys.current}. */
  async prepare(signal: AbortSignal): Promise<void> {
    await this.#settings.keys.current(signal);
  }

  /**
   * Sends a request, and once more where the router does not have the key any more: sealed anew, to its new key.
   * @param signal ends the exchange at any stage, the reading of the answer's content too
   * @throws SecurityError, APIError (`response_not_sealed`, unauthenticated), APIConnectionError; and the reason of
   *   `signal`
   */
  async send(request: InnerRequest, signal: AbortSignal | null): Promise<ChannelResponse> {
    const link = followAbort(signal);
    const { signal: own } = link.controller;
    try {
      const sendable = await this.#sendable(request, own);
      own.throwIfAborted();
      return await this.#send(sendable, link.controller, link.release);
    } catch (error) {
      link.release();
      link.controller.abort();
      // What a transport throws when it is stopped says less than why it was stopped.
      signal?.throwIfAborted();
      throw error;
    }
  }

  async #send(request: InnerRequest, controller: AbortController, onEnd: () => void): Promise<ChannelResponse> {
    const { keys, log } = this.#settings;
    const recipient = await keys.current(controller.signal);
    const first = await this.#attempt(request, recipient, controller, onEnd);
    if ('status' in first) return first;
    if (!first.staleKey) throw first.error;
    const renewed = await keys.replace(recipient, controller.signal);
    // What was streamed is used up; but the next request finds the new key.
    if (!isRepeatable(request)) throw first.error;
    log.info('the router has a new key: sealing anew');
    const second = await this.#attempt(request, renewed, controller, onEnd);
    if ('status' in second) return second;
    throw second.error;
  }

  async #attempt(request: InnerRequest, recipient: Recipient, controller: AbortController, onEnd: () => void) {
    const { runtime, log } = this.#settings;
    const { signal } = controller;
    const { content } = request;
    const sealed = await sealRequest(runtime.hpke, recipient);
    const head = encodeInnerHead(request, this.#origin, runtime.clock.now());
    const upload = new Upload();
    const body = isStreamed(content)
      ? sealStreamed(sealed.sealer, head, upload.follow(content.open()))
      : await sealWhole(sealed.sealer, head, content ?? NO_CONTENT);
    // An abort while the request was sealed: nothing leaves any more.
    signal.throwIfAborted();
    const answer = await runtime.transport.send({ ...this.#outer, body, signal }).catch((error: unknown) => {
      throw upload.failure ?? error;
    });
    log.debug('the gateway answered', { status: answer.status });
    const isSealed =
      answer.status === 200 && mediaType(answer.headers['content-type']) === OHTTP_CHUNKED_RESPONSE_MEDIA_TYPE;
    if (!isSealed) return readRefusal(answer, runtime.clock.now());
    const opened = await openAnswer(sealed, answer.body, (complete) => {
      onEnd();
      if (!complete) controller.abort();
    });
    return { ...opened, suite: recipient.suite };
  }

  /** Streamed content as this transport can carry it. */
  async #sendable(request: InnerRequest, signal: AbortSignal): Promise<InnerRequest> {
    const { content } = request;
    if (!isStreamed(content) || this.#settings.runtime.transport.streamsUploads === true) return request;
    this.#settings.log.debug('the transport streams no request: collecting it');
    return { ...request, content: await collect(content, signal) };
  }
}

/** Remembers why content on its way failed: the transport would call that a broken connection. */
class Upload {
  failure: unknown = null;

  async *follow(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* content;
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }
}

function isStreamed(content: InnerRequest['content']): content is StreamedContent {
  return content !== null && 'open' in content;
}

function isRepeatable({ content }: InnerRequest): boolean {
  return !isStreamed(content) || content.repeatable;
}
