import { apiError } from '../api-error.ts';
import { andThen, translateErrors } from '../awaitable.ts';
import { concatBytes } from '../bytes.ts';
import type { Awaitable } from '../crypto-provider.ts';
import { ConfigurationError } from '../errors.ts';
import type { HpkeKeyPair, HpkeProvider, HpkeReceiver } from '../hpke/hpke-provider.ts';
import { kemLengths, type SymmetricSuite, TAG_BYTES } from '../hpke/suite.ts';
import { decryptionFailed, truncatedMessage } from '../message-errors.ts';
import { ChunkOpener, type ChunkOpenerOptions, setupErrors } from './chunk-opener.ts';
import { CHUNK_AAD, ChunkSealer, type ChunkSealerOptions } from './chunk-sealer.ts';
import { LABELS, type OhttpForm } from './constants.ts';
import { parseRequestHeader, REQUEST_HEADER_BYTES, type RequestHeader, requestInfo } from './request-header.ts';
import { deriveResponseKey, type ResponseKeySource, responseNonceBytes } from './response-key.ts';

/** A private key of the gateway. */
export interface GatewayKey {
  readonly keyPair: HpkeKeyPair;
  /** The suites that its configuration lists: nothing else is used with it (RFC 9458 §4.3). */
  readonly suites: readonly SymmetricSuite[];
}

/** Finds the key of an id, or undefined for one that is unknown or has expired. */
export type FindGatewayKey = (keyId: number) => GatewayKey | undefined;

/** A request's context, taken up. */
interface Started {
  readonly enc: Uint8Array;
  readonly context: HpkeReceiver;
  readonly source: ResponseKeySource;
}

/**
 * Opens a chunked request on the router (draft-ietf-ohai-chunked-ohttp-08 §6.1), and makes the sealer of its response.
 *
 * `push` and `finish` throw, before and after the first chunk: APIError `unknown_key_id`; InvalidRequestError
 * `decryption_failed`, `request_truncated`, `chunk_too_large`, `invalid_message`; SecurityError
 * `message_limit_reached`. While `authenticated` is false anybody may be asking: answer all but `unknown_key_id` alike.
 */
export class RequestOpener extends ChunkOpener {
  readonly #provider: HpkeProvider;
  readonly #started: { value: Started | null };

  constructor(
    provider: HpkeProvider,
    findKey: FindGatewayKey,
    onChunk: (plaintext: Uint8Array) => void,
    options: ChunkOpenerOptions = {},
  ) {
    const started: { value: Started | null } = { value: null };
    const preface = {
      bytes: REQUEST_HEADER_BYTES,
      read(headerBytes: Uint8Array) {
        const { header, key, encBytes } = lookUp(headerBytes, findKey);
        return {
          bytes: encBytes,
          read: (enc: Uint8Array) =>
            andThen(start(provider, key, header, headerBytes, enc.slice(), 'chunked'), (value) => {
              started.value = value;
              return value.context;
            }),
        };
      },
    };
    super('request', preface, onChunk, options);
    this.#provider = provider;
    this.#started = started;
  }

  /**
   * The encapsulated secret, once it has come: two requests with the same one are the same request. Remember it only
   * when `authenticated` is true, or anybody can fill the memory.
   */
  get enc(): Uint8Array | null {
    return this.#started.value?.enc ?? null;
  }

  /**
   * Makes the sealer of the response; its preface is the response nonce. Possible as soon as `authenticated` is true.
   * @throws ConfigurationError `invalid_option` before
   */
  sealResponse(options: ChunkSealerOptions = {}): Awaitable<ChunkSealer> {
    const { value } = this.#started;
    if (value === null || !this.authenticated) {
      throw new ConfigurationError('a response is sealed only to a request of which a chunk has been opened', {
        code: 'invalid_option',
      });
    }
    const nonce = this.#provider.randomBytes(responseNonceBytes(value.source.aeadId));
    return andThen(
      deriveResponseKey(this.#provider, value.source, nonce),
      (key) => new ChunkSealer(nonce, key, options),
    );
  }
}

/** A whole request in clear. */
export interface OpenedWholeRequest {
  /** A Binary HTTP message. */
  readonly message: Uint8Array;
  /** See {@link RequestOpener.enc}. */
  readonly enc: Uint8Array;
  /** Seals the response, once. */
  sealResponse(message: Uint8Array): Awaitable<Uint8Array>;
}

/**
 * Opens a whole request (RFC 9458 §4.3).
 * @throws APIError `unknown_key_id`; InvalidRequestError `request_truncated`, `decryption_failed`
 */
export function openWholeRequest(
  provider: HpkeProvider,
  findKey: FindGatewayKey,
  body: Uint8Array,
): Awaitable<OpenedWholeRequest> {
  if (body.length < REQUEST_HEADER_BYTES) throw truncatedMessage('request');
  const headerBytes = body.slice(0, REQUEST_HEADER_BYTES);
  const { header, key, encBytes } = lookUp(headerBytes, findKey);
  const encEnd = REQUEST_HEADER_BYTES + encBytes;
  if (body.length < encEnd + TAG_BYTES) throw truncatedMessage('request');
  const started = start(provider, key, header, headerBytes, body.slice(REQUEST_HEADER_BYTES, encEnd), 'whole');
  return andThen(started, ({ enc, context, source }) => {
    const opened = translateErrors(
      () => context.open(body.subarray(encEnd), CHUNK_AAD),
      () => decryptionFailed('request'),
    );
    return andThen(opened, (message) => ({
      message,
      enc,
      sealResponse: (response) => sealWholeResponse(provider, source, response),
    }));
  });
}

function sealWholeResponse(
  provider: HpkeProvider,
  source: ResponseKeySource,
  message: Uint8Array,
): Awaitable<Uint8Array> {
  const nonce = provider.randomBytes(responseNonceBytes(source.aeadId));
  return andThen(deriveResponseKey(provider, source, nonce), (key) =>
    andThen(key.seal(message, CHUNK_AAD), (sealed) => concatBytes(nonce, sealed)),
  );
}

function lookUp(headerBytes: Uint8Array, findKey: FindGatewayKey) {
  const header = parseRequestHeader(headerBytes);
  const key = findKey(header.keyId);
  const lengths = kemLengths(header.kemId);
  // RFC 9458 §4.3: the id must name a key of the header's KEM, and the key must allow the header's suite.
  const allowed = key?.suites.some((one) => one.kdfId === header.kdfId && one.aeadId === header.aeadId) ?? false;
  if (key === undefined || lengths === null || key.keyPair.kemId !== header.kemId || !allowed) {
    throw apiError('unknown_key_id', 'the request is sealed to a key that is not in use: fetch the keys again');
  }
  return { header, key, encBytes: lengths.enc };
}

function start(
  provider: HpkeProvider,
  key: GatewayKey,
  header: RequestHeader,
  headerBytes: Uint8Array,
  enc: Uint8Array,
  form: OhttpForm,
): Awaitable<Started> {
  const setup = translateErrors(
    () => provider.setupReceiver(header, key.keyPair, enc, requestInfo(form, headerBytes)),
    setupErrors('request'),
  );
  return andThen(setup, (context) => ({
    enc,
    context,
    source: { context, aeadId: header.aeadId, enc, exportLabel: LABELS[form].response },
  }));
}
