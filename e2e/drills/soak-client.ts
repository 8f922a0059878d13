import { createSecureFetch, SecureChatCompletion } from '@sotto/client';
import { APIError } from '@sotto/protocol';
import { ask, type Ending, endingOf } from './ask.ts';

/** The ways in which the soak asks. */
export const WAYS = ['clear', 'clear stream', 'ohttp', 'ohttp stream', 'nomyo-v1'] as const;

/** One of them. */
export type Way = (typeof WAYS)[number];

/** Asks in each of the ways; none of them tries twice, so that every request is counted once. */
export class SoakClient {
  readonly #url: string;
  readonly #key: string;
  readonly #model: string;
  readonly #secureFetch: typeof fetch;
  readonly #nomyo: SecureChatCompletion;

  constructor(url: string, key: string, model: string) {
    this.#url = url;
    this.#key = key;
    this.#model = model;
    const trusted = { allowHttp: true, logger: null };
    this.#secureFetch = createSecureFetch({ routerUrl: url, ...trusted });
    this.#nomyo = new SecureChatCompletion({
      baseURL: url,
      apiKey: key,
      protocol: 'nomyo-v1',
      maxRetries: 0,
      ...trusted,
    });
  }

  /** Sends one request; never throws. */
  ask(way: Way): Promise<Ending> {
    switch (way) {
      case 'clear':
      case 'clear stream':
        return ask({ url: this.#url, model: this.#model, key: this.#key, stream: way === 'clear stream' });
      case 'ohttp':
      case 'ohttp stream':
        return this.#askSealed(way === 'ohttp stream');
      case 'nomyo-v1':
        return this.#askNomyo();
    }
  }

  async #askSealed(stream: boolean): Promise<Ending> {
    const began = performance.now();
    let status = 0;
    let text = '';
    let isCut = false;
    try {
      const answer = await this.#secureFetch(`${this.#url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#key}` },
        body: JSON.stringify({ model: this.#model, stream, messages: [{ role: 'user', content: 'hello' }] }),
      });
      status = answer.status;
      const decoder = new TextDecoder();
      if (answer.body !== null) {
        for await (const chunk of answer.body) text += decoder.decode(chunk, { stream: true });
      }
    } catch {
      isCut = true;
    }
    return endingOf({ status, text, stream, isCut, ms: performance.now() - began });
  }

  async #askNomyo(): Promise<Ending> {
    const began = performance.now();
    try {
      await this.#nomyo.create({ model: this.#model, messages: [{ role: 'user', content: 'hello' }] });
      return { kind: 'answered', status: 200, code: null, ms: performance.now() - began, begun: true };
    } catch (error) {
      const ms = performance.now() - began;
      if (!APIError.isInstance(error)) return { kind: 'cut', status: 0, code: null, ms, begun: false };
      return { kind: 'error', status: error.status ?? 0, code: error.code, ms, begun: true };
    }
  }
}
