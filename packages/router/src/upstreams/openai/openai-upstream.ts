import type { SecurityTier } from '@sotto/protocol';
import { serverClass } from '../../config/upstream-class.ts';
import type { HeaderFields } from '../../http/exchange.ts';
import type { Upstream, UpstreamCall, UpstreamClass, UpstreamListener, UpstreamRequest } from '../upstream.ts';
import { UpstreamPool, type UpstreamPoolOptions } from '../upstream-pool.ts';

/** What an OpenAI-compatible upstream is made of. */
export interface OpenaiUpstreamOptions extends UpstreamPoolOptions {
  readonly name: string;
  readonly tier: SecurityTier;
  readonly apiKey: string | null;
  readonly sameTee: boolean;
}

/** A server that speaks OpenAI's HTTP API: vLLM, llama.cpp, Ollama, OpenAI itself. */
export class OpenaiUpstream implements Upstream {
  readonly name: string;
  readonly tier: SecurityTier;
  readonly class: UpstreamClass;
  readonly #pool: UpstreamPool;
  readonly #headers: HeaderFields;
  readonly #streamHeaders: HeaderFields;

  constructor(options: OpenaiUpstreamOptions) {
    this.name = options.name;
    this.tier = options.tier;
    this.class = serverClass(options);
    this.#headers = {
      'content-type': 'application/json',
      ...(options.apiKey === null ? {} : { authorization: `Bearer ${options.apiKey}` }),
    };
    this.#streamHeaders = { ...this.#headers, accept: 'text/event-stream' };
    this.#pool = new UpstreamPool(options);
  }

  start({ method, path, body, stream, traceparent }: UpstreamRequest, listener: UpstreamListener): UpstreamCall {
    const own = stream ? this.#streamHeaders : this.#headers;
    const headers = traceparent === undefined ? own : { ...own, traceparent };
    return this.#pool.start({ method, path, body, headers }, listener);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
