import { andThen, translateErrors } from '../awaitable.ts';
import { encodeHex } from '../bytes.ts';
import type { Awaitable } from '../crypto-provider.ts';
import type { HpkeKeyPair, HpkeProvider } from '../hpke/hpke-provider.ts';
import { malformedMessage } from '../message-errors.ts';
import { EHBP_SECRET_BYTES, EHBP_SUITE, REQUEST_INFO } from './constants.ts';
import { FrameOpener, type FrameOpenerOptions, staleKey } from './frame-opener.ts';
import { FrameSealer } from './frame-sealer.ts';
import { decodeHexHeader } from './hex-header.ts';
import { deriveEhbpResponseKey, exportResponseSecret } from './response-key.ts';

/** A sealed response under way, on the router. */
export interface EhbpSealedResponse {
  /** The value of `Ehbp-Response-Nonce`. */
  readonly responseNonce: string;
  /** Seals the body. */
  readonly sealer: FrameSealer;
}

/** A sealed request being opened, on the router. */
export interface EhbpOpenedRequest {
  /** 32 bytes: two requests with the same one are the same request. */
  readonly enc: Uint8Array;
  /** Opens the body. */
  readonly opener: FrameOpener;
  /** Starts the response, errors included: once there is a context, nothing goes out in clear (EHBP §5.2). */
  sealResponse(): Awaitable<EhbpSealedResponse>;
}

/**
 * Takes up a sealed request (EHBP §5.2). Its key is not used in any other protocol.
 * @param encapsulatedKey the value of `Ehbp-Encapsulated-Key`; a header that is there twice is refused before
 * @throws InvalidRequestError `invalid_message` for a value that is no key, APIError `key_config_mismatch` for one that
 *   HPKE refuses
 */
export function openEhbpRequest(
  provider: HpkeProvider,
  keyPair: HpkeKeyPair,
  encapsulatedKey: string,
  onFrame: (plaintext: Uint8Array) => void,
  options: FrameOpenerOptions = {},
): Awaitable<EhbpOpenedRequest> {
  const enc = decodeHexHeader(encapsulatedKey);
  if (enc === null) throw malformedMessage('request', 'has an encapsulated key that is not 64 lower-case hex digits');
  const setup = translateErrors(() => provider.setupReceiver(EHBP_SUITE, keyPair, enc, REQUEST_INFO), staleKey);
  return andThen(setup, (context) => ({
    enc,
    opener: new FrameOpener('request', context, onFrame, options),
    sealResponse() {
      const nonce = provider.randomBytes(EHBP_SECRET_BYTES);
      return andThen(exportResponseSecret(context, enc), (secret) =>
        andThen(deriveEhbpResponseKey(provider, secret, nonce), (key) => ({
          responseNonce: encodeHex(nonce),
          sealer: new FrameSealer(key),
        })),
      );
    },
  }));
}
