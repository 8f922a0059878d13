import { followAbort } from './abort-link.ts';
import { APIPromise, type WithResponse } from './api-promise.ts';
import type { AttestationStatus } from './attestation/attestation-status.ts';
import type { ChatCompletion, ChatCompletionParams } from './chat-completion.ts';
import { parseChatRequest } from './chat-request.ts';
import type { ClientOptions } from './client-options.ts';
import { CompletionStream } from './completion-stream.ts';
import { parseCompletion } from './parse-completion.ts';
import type { RequestOptions } from './request-options.ts';
import { SecureCompletionClient } from './secure-completion-client.ts';
import { SecureSession, type SessionRequest } from './secure-session.ts';

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
   * Returns at once; where the protocol is nomyo-v1, starts to make or load the key pair.
   * @throws ConfigurationError `invalid_option`, `unsupported_runtime`
   * @throws SecurityError `insecure_transport` for an http address, unless `allowHttp`
   */
  constructor(options: ClientOptions | SecureSession = {}) {
    this.#session = options instanceof SecureSession ? options : new SecureSession(options);
    this.client = new SecureCompletionClient(this.#session);
  }

  /** What is known of the router's evidence: verified, refused and why, or not looked at yet. */
  get attestation(): AttestationStatus {
    return this.#session.attestation;
  }

  /**
   * Verifies the router's evidence now, for the client's own `tier`, in the place of with the first request. Without
   * the option `attestation` there is nothing to verify, and it resolves at once.
   * @throws AttestationError for bad evidence, PolicyError for good evidence that the policy does not allow
   * @throws ConfigurationError `policy_empty`, `invalid_option` for a policy that is wrong, or less than the tier asks
   */
  ready(options: Pick<RequestOptions, 'signal' | 'timeout' | 'maxRetries'> = {}): Promise<AttestationStatus> {
    return this.#session.ready(options);
  }

  /**
   * Asks for a completion. With `stream: true` resolves, when the answer begins, to an async iterable of its chunks;
   * over nomyo-v1, where nothing streams, that yields the whole answer as one chunk.
   * @throws InvalidRequestError `invalid_security_tier` before anything is sent
   * @throws APIError by status, APIConnectionError, APITimeoutError, APIUserAbortError
   * @throws AttestationError, PolicyError where the router does not prove what the tier and `attestation` ask for
   * @throws SecurityError `downgrade_refused`, `untrusted_signer`, `key_mismatch`, `decryption_failed`,
   *   `response_not_sealed`, `response_truncated`, `response_not_authentic`, `invalid_response`
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
    const { stream, ...parsed } = parseChatRequest(parameters);
    const request = { ...parsed, payloadId: crypto.randomUUID() };
    if (stream) return this.#stream(request, options);
    const { completion, response } = await this.#session.send(request, options);
    return { data: parseCompletion(completion), response };
  }

  async #stream(request: SessionRequest, options: RequestOptions): Promise<WithResponse<CompletionStream>> {
    const link = followAbort(options.signal ?? null);
    try {
      const { chunks, response } = await this.#session.stream(request, options, link.controller);
      return { data: new CompletionStream(chunks, link.controller, link.release), response };
    } catch (error) {
      link.release();
      throw error;
    }
  }
}
