import { ConfigurationError, encodeUtf8 } from '@sotto/protocol';
import { openResponse, sealRequest } from '@sotto/protocol/nomyo-v1';
import { checkPayload, parseSecurityTier } from './chat-request.ts';
import type { GenerateKeysOptions, LoadKeysOptions } from './client-keys.ts';
import type { ClientOptions } from './client-options.ts';
import { withDeadline } from './deadline.ts';
import { readCompletion } from './read-completion.ts';
import type { RequestOptions } from './request-options.ts';
import { SecureSession } from './secure-session.ts';

/** Options of {@link SecureCompletionClient}. */
export interface SecureCompletionClientOptions extends ClientOptions {
  /** The router's address, under NOMYO's name for it here. */
  readonly routerUrl?: string | undefined;
}

/**
 * The steps of a sealed request, one by one, under NOMYO's names. {@link SecureChatCompletion} takes them all in
 * one call, and is what most programs want.
 */
export class SecureCompletionClient {
  readonly #session: SecureSession;

  /**
   * Starts to make or load the key pair, and returns at once.
   * @throws ConfigurationError `invalid_option`, `unsupported_runtime`
   * @throws SecurityError `insecure_transport`
   */
  constructor(options: SecureCompletionClientOptions | SecureSession = {}) {
    this.#session = options instanceof SecureSession ? options : new SecureSession(addressed(options));
  }

  /**
   * Makes a new key pair and uses it from now on; with `saveToFile` also writes it into `keyDir`.
   * @throws ConfigurationError `invalid_key_file`, `unsupported_runtime`
   */
  async generateKeys(options: GenerateKeysOptions = {}): Promise<void> {
    await this.#session.clientKeys.generate(options);
  }

  /**
   * Loads a key pair and uses it from now on. The public key is derived from the private one; where a public key
   * is given too, it must be the same.
   * @throws ConfigurationError `invalid_key_file`, `wrong_key_password`, `unsupported_runtime`
   */
  async loadKeys(options: LoadKeysOptions): Promise<void> {
    await this.#session.clientKeys.load(options);
  }

  /**
   * Fetches the router's public key, held against the pins and the router's evidence.
   * @returns SubjectPublicKeyInfo, PEM
   * @throws SecurityError `key_mismatch`, `invalid_response`, AttestationError, PolicyError
   * @throws APIError, APIConnectionError, APIUserAbortError
   */
  async fetchServerPublicKey(options: Pick<RequestOptions, 'signal'> = {}): Promise<string> {
    const { router, timeoutMs, ohttp } = this.#session.options;
    const source = this.#session.routerKeys.of(router);
    return (await withDeadline(options.signal ?? null, timeoutMs, (signal) => source.renew(signal, ohttp.tier))).pem;
  }

  /**
   * Seals a payload to the router's key, without a binding: that needs the header fields it is sent with, which
   * {@link SecureCompletionClient.sendSecureRequest} knows.
   * @returns the envelope's JSON in UTF-8
   * @throws PayloadTooLargeError `payload_too_large` for more than 10 MiB
   * @throws ConfigurationError `invalid_option` where `requestBinding` is `always`
   */
  async encryptPayload(payload: Readonly<Record<string, unknown>>): Promise<Uint8Array> {
    this.#refuseUnbound();
    const { router, timeoutMs, platform, ohttp } = this.#session.options;
    const source = this.#session.routerKeys.of(router);
    const { key } = await withDeadline(null, timeoutMs, (signal) => source.get(signal, ohttp.tier));
    const { body, contentKey } = await sealRequest(platform.crypto, key, checkPayload(payload));
    contentKey.fill(0);
    return encodeUtf8(body);
  }

  /**
   * Opens an answer that was sealed to this client's key. Whoever knows that key may have made it.
   * @returns the completion, with `_metadata`
   * @throws SecurityError `decryption_failed`, `invalid_response`
   * @throws ConfigurationError `invalid_option` where `requestBinding` is `always`
   */
  async decryptResponse(body: Uint8Array, payloadId: string): Promise<Readonly<Record<string, unknown>>> {
    this.#refuseUnbound();
    const { platform, secureMemory } = this.#session.options;
    const { privateKey } = await this.#session.clientKeys.current();
    const opened = await openResponse(platform.crypto, privateKey, body, null);
    try {
      return readCompletion(opened, payloadId);
    } finally {
      if (secureMemory) opened.plaintext.fill(0);
    }
  }

  /**
   * Seals a payload, sends it, and opens the answer; repeats attempts as `maxRetries` says, each sealed anew.
   * @param payloadId names the request to the router; not secret
   * @param apiKey in the place of the client's own
   * @returns the completion, with `_metadata`
   * @throws InvalidRequestError `invalid_security_tier` before anything is sent
   * @throws ConfigurationError `invalid_option` for a payload id or API key that no header field takes
   * @throws APIError, APIConnectionError, APIUserAbortError, SecurityError
   */
  async sendSecureRequest(
    payload: Readonly<Record<string, unknown>>,
    payloadId: string,
    apiKey?: string | null,
    securityTier?: string | null,
    options: RequestOptions = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    const tier = parseSecurityTier(securityTier);
    checkPayloadId(payloadId);
    const request = {
      payload: checkPayload(payload),
      payloadId,
      tier,
      apiKey,
      baseUrl: undefined,
      streamOptions: undefined,
    };
    return (await this.#session.send(request, options)).completion;
  }

  #refuseUnbound(): void {
    if (this.#session.options.requestBinding === 'always') {
      throw new ConfigurationError(
        'requestBinding is "always", which a step by itself cannot keep: sendSecureRequest',
        {
          code: 'invalid_option',
        },
      );
    }
  }
}

function checkPayloadId(payloadId: string): void {
  if (/^[\x21-\x7e]{1,256}$/.test(payloadId)) return;
  throw new ConfigurationError('a payload id has 1 to 256 visible ASCII characters', { code: 'invalid_option' });
}

function addressed(options: SecureCompletionClientOptions): ClientOptions {
  const { routerUrl, ...given } = options;
  // The steps are those of this protocol: there is no other to choose.
  const rest: ClientOptions = { ...given, protocol: 'nomyo-v1' };
  if (routerUrl === undefined) return rest;
  if ((rest.baseURL ?? rest.baseUrl ?? routerUrl) !== routerUrl) {
    throw new ConfigurationError('routerUrl and baseURL are two names of one option: give one of them', {
      code: 'invalid_option',
    });
  }
  return { ...rest, baseURL: routerUrl };
}
