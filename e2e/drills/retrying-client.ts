import { SecureChatCompletion } from '@sotto/client';
import { APIError, SottoError } from '@sotto/protocol';
import type { Ending } from './ask.ts';

const TIMEOUT_MS = 15_000;

/** The client as an app has it: sealed, with its own retries. */
export class RetryingClient {
  readonly #client: SecureChatCompletion;
  readonly #model: string;

  constructor(url: string, apiKey: string, model: string) {
    this.#model = model;
    this.#client = new SecureChatCompletion({
      baseURL: url,
      apiKey,
      protocol: 'ohttp',
      allowHttp: true,
      timeout: TIMEOUT_MS,
      maxRetries: 4,
      logger: null,
    });
  }

  /** One request, streamed or whole; never throws. */
  async ask(stream: boolean): Promise<Ending> {
    const began = performance.now();
    const ended = (kind: Ending['kind'], begun: boolean, error?: unknown): Ending => ({
      kind,
      begun,
      status: APIError.isInstance(error) ? error.status : begun ? 200 : 0,
      code: SottoError.isInstance(error) ? error.code : null,
      ms: performance.now() - began,
    });
    const messages = [{ role: 'user', content: 'hello' }];
    let begun = false;
    try {
      if (!stream) {
        await this.#client.create({ model: this.#model, messages });
        return ended('answered', true);
      }
      for await (const _chunk of await this.#client.create({ model: this.#model, messages, stream: true }))
        begun = true;
      return ended('answered', true);
    } catch (error) {
      return ended('error', begun, error);
    }
  }
}
