import { andThen, translateErrors } from '../awaitable.ts';
import type { Awaitable } from '../crypto-provider.ts';
import type { HpkeProvider } from '../hpke/hpke-provider.ts';
import { TAG_BYTES } from '../hpke/suite.ts';
import { decryptionFailed, truncatedMessage } from '../message-errors.ts';
import { ChunkOpener, type ChunkOpenerOptions, setupErrors } from './chunk-opener.ts';
import { CHUNK_AAD } from './chunk-sealer.ts';
import { deriveResponseKey, type ResponseKeySource, responseNonceBytes } from './response-key.ts';

export type ResponseOpenerOptions = ChunkOpenerOptions;

/**
 * Opens a chunked response on the client (draft-ietf-ohai-chunked-ohttp-08 §6.2).
 *
 * `push` and `finish` throw SecurityError: `decryption_failed`, `response_truncated`, `chunk_too_large`,
 * `invalid_response`, `message_limit_reached`.
 */
export class ResponseOpener extends ChunkOpener {
  constructor(
    provider: HpkeProvider,
    source: ResponseKeySource,
    onChunk: (plaintext: Uint8Array) => void,
    options: ResponseOpenerOptions = {},
  ) {
    const preface = {
      bytes: responseNonceBytes(source.aeadId),
      read: (nonce: Uint8Array) =>
        translateErrors(() => deriveResponseKey(provider, source, nonce), setupErrors('response')),
    };
    super('response', preface, onChunk, options);
  }
}

/** A whole response in clear: a Binary HTTP message. */
export type OpenedResponse = Uint8Array;

/** Opens a whole response (RFC 9458 §4.4). @throws SecurityError `response_truncated`, `decryption_failed` */
export function openWholeResponse(
  provider: HpkeProvider,
  source: ResponseKeySource,
  body: Uint8Array,
): Awaitable<OpenedResponse> {
  const nonceBytes = responseNonceBytes(source.aeadId);
  if (body.length < nonceBytes + TAG_BYTES) throw truncatedMessage('response');
  return translateErrors(
    () =>
      andThen(deriveResponseKey(provider, source, body.slice(0, nonceBytes)), (key) =>
        key.open(body.subarray(nonceBytes), CHUNK_AAD),
      ),
    () => decryptionFailed('response'),
  );
}
