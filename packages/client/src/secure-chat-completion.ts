import { APIPromise, type WithResponse } from './api-promise.ts';
import type { ChatCompletion, ChatCompletionParams } from './chat-completion.ts';
import { parseChatRequest } from './chat-request.ts';
import type { ClientOptions } from './client-options.ts';
import { chunkOfCompletion } from './completion-chunk.ts';
import { type CompletionStream, streamOfOne } from './completion-stream.ts';
import { parseCompletion } from './parse-completion.ts';
import type { RequestOptions } from './request-options.ts';
import { SecureCompletionClient } from './secure-completion-client.ts';
import { SecureSession } from './secure-session.ts';

/**
 * Chat completions, end-to-end encrypted: nobody between the program and the router's process reads prompts,
 * answers or parameters.
 *
 * @example
 * const client = new SecureChatCompletion({ apiKey: 'your key' });
 * const answer = await client.create({
 *   model: 'Qwen/Qwen3-0.6B',
 *   messages: [{ role: 'user', content: 'Hello' }],
 *   security_tier: 'high',
 * });
 */
export class SecureChatCompletion {
  /** The steps one by one, over the same keys: `generateKeys`, `loadKeys` and the others. */
  readonly client: SecureCompletionClient;
  readonly #session: SecureSession;

  /**
   * Starts to make or load the key pair, and returns at once.
   * @throws ConfigurationError `invalid_option`, `unsupported_runtime`
   * @throws SecurityError `insecure_transport` for an http address, unless `allowHttp`
   */
  constructor(options: ClientOptions | SecureSession = {}) {
    this.#session = options instanceof SecureSession ? options : new SecureSession(options);
    this.client = new SecureCompletionClient(this.#session);
  }

  /**
   * Asks for a completion. With `stream: true` resolves to an async iterable; over nomyo-v1, where nothing
   * streams, that yields the whole answer as one chunk.
   * @throws InvalidRequestError `invalid_security_tier` before anything is sent
   * @throws APIError by status, APIConnectionError, APITimeoutError, APIUserAbortError
   * @throws SecurityError `key_mismatch`, `decryption_failed`, `response_not_authentic`, `invalid_response`
   */
  create(
    parameters: ChatCompletionParams & { readonly stream: true },
    options?: RequestOptions,
  ): APIPromise<CompletionStream>;
  create(
    parameters: ChatCompletionParams & { readonly stream?: false | null },
    options?: RequestOptions,
  ): APIPromise<ChatCompletion>;
  create(parameters: ChatCompletionParams, options?: RequestOptions): APIPromise<ChatCompletion | CompletionStream>;
  create(
    parameters: ChatCompletionParams,
    options: RequestOptions = {},
  ): APIPromise<ChatCompletion | CompletionStream> {
    return new APIPromise(this.#create(parameters, options));
  }

  /** {@link SecureChatCompletion.create} under the name that NOMYO's clients also give it. */
  acreate(
    parameters: ChatCompletionParams & { readonly stream: true },
    options?: RequestOptions,
  ): APIPromise<CompletionStream>;
  acreate(
    parameters: ChatCompletionParams & { readonly stream?: false | null },
    options?: RequestOptions,
  ): APIPromise<ChatCompletion>;
  acreate(parameters: ChatCompletionParams, options?: RequestOptions): APIPromise<ChatCompletion | CompletionStream>;
  acreate(
    parameters: ChatCompletionParams,
    options: RequestOptions = {},
  ): APIPromise<ChatCompletion | CompletionStream> {
    return this.create(parameters, options);
  }

  /** A client with some options changed. Key pair and router keys are shared where no changed option concerns them. */
  withOptions(changed: ClientOptions): SecureChatCompletion {
    // A subclass, such as the one for Node, stays what it is.
    const Class = this.constructor as typeof SecureChatCompletion;
    return new Class(this.#session.with(changed));
  }

  async #create(
    parameters: ChatCompletionParams,
    options: RequestOptions,
  ): Promise<WithResponse<ChatCompletion | CompletionStream>> {
    const { stream, ...request } = parseChatRequest(parameters);
    const { completion, response } = await this.#session.send({ ...request, payloadId: crypto.randomUUID() }, options);
    const data = parseCompletion(completion);
    return { data: stream ? streamOfOne(chunkOfCompletion(data)) : data, response };
  }
}
