import { APIError, apiError, type SecurityTier } from '@sotto/protocol';
import { serverClass } from '../../config/upstream-class.ts';
import type { HeaderFields } from '../../http/exchange.ts';
import { writeJsonObject } from '../../http/json-object.ts';
import type { Upstream, UpstreamCall, UpstreamClass, UpstreamListener, UpstreamRequest } from '../upstream.ts';
import { UpstreamPool, type UpstreamPoolOptions } from '../upstream-pool.ts';
import { ChatCall } from './chat-call.ts';
import { readChatRequest, type TranslationOptions } from './chat-request.ts';
import { ModelListCall } from './model-list-call.ts';
import { RefusedCall } from './reported-call.ts';

/** What an upstream at Anthropic's Messages API is made of. */
export interface AnthropicUpstreamOptions extends UpstreamPoolOptions {
  readonly name: string;
  readonly tier: SecurityTier;
  readonly apiKey: string | null;
  readonly sameTee: boolean;
  /** The limit of answers to requests that name none: the API wants one. */
  readonly defaultMaxTokens: number;
  /** `anthropic-version`. */
  readonly version: string;
  /** Names for `anthropic-beta`. */
  readonly beta: readonly string[];
  /** Milliseconds since 1970; for tests. */
  readonly now?: () => number;
}

/** A server that speaks Anthropic's Messages API, behind OpenAI's chat completions. */
export class AnthropicUpstream implements Upstream {
  readonly name: string;
  readonly tier: SecurityTier;
  readonly class: UpstreamClass;
  readonly #pool: UpstreamPool;
  readonly #headers: HeaderFields;
  readonly #translation: Omit<TranslationOptions, 'stream'>;
  readonly #now: () => number;

  constructor(options: AnthropicUpstreamOptions) {
    this.name = options.name;
    this.tier = options.tier;
    this.class = serverClass(options);
    this.#pool = new UpstreamPool(options);
    this.#headers = {
      'content-type': 'application/json',
      'anthropic-version': options.version,
      ...(options.beta.length === 0 ? {} : { 'anthropic-beta': options.beta.join(',') }),
      ...(options.apiKey === null ? {} : { 'x-api-key': options.apiKey }),
    };
    this.#translation = { defaultMaxTokens: options.defaultMaxTokens, version: options.version };
    this.#now = options.now ?? Date.now;
  }

  start(request: UpstreamRequest, listener: UpstreamListener): UpstreamCall {
    try {
      switch (`${request.method} ${request.path}`) {
        case 'POST /chat/completions':
          return this.#startChat(request, listener);
        case 'GET /models':
          return new ModelListCall(listener, (path, page) =>
            this.#pool.start({ method: 'GET', path, body: null, headers: this.#headers }, page),
          );
        default:
          throw apiError('not_found', 'this model answers chat completions only');
      }
    } catch (error) {
      if (!APIError.isInstance(error)) throw error;
      return new RefusedCall(listener, error);
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  #startChat({ body, stream, traceparent }: UpstreamRequest, listener: UpstreamListener): UpstreamCall {
    const { message, includeUsage } = readChatRequest(body, { ...this.#translation, stream });
    const call = new ChatCall(listener, { stream, includeUsage, created: Math.floor(this.#now() / 1_000) });
    const json = writeJsonObject({ ...message });
    const headers = traceparent === undefined ? this.#headers : { ...this.#headers, traceparent };
    call.follow(this.#pool.start({ method: 'POST', path: '/messages', body: json, headers }, call));
    return call;
  }
}
