import { andThen, translateErrors } from '../awaitable.ts';
import { encodeHex } from '../bytes.ts';
import type { Awaitable } from '../crypto-provider.ts';
import { SecurityError } from '../errors.ts';
import type { HpkeProvider, HpkePublicKey } from '../hpke/hpke-provider.ts';
import { EHBP_SUITE, REQUEST_INFO } from './constants.ts';
import { FrameOpener, type FrameOpenerOptions } from './frame-opener.ts';
import { FrameSealer } from './frame-sealer.ts';
import { decodeHexHeader } from './hex-header.ts';
import { deriveEhbpResponseKey, exportResponseSecret, type ResponseSecret } from './response-key.ts';

/** A sealed request under way, on the client. */
export interface EhbpSealedRequest {
  /** The value of `Ehbp-Encapsulated-Key`. */
  readonly encapsulatedKey: string;
  /** Seals the body. */
  readonly sealer: FrameSealer;
  /** Opens the response, now or, by a recovery token, later. */
  readonly responseSecret: ResponseSecret;
}

/**
 * Starts a sealed request (EHBP §4.1), with an encapsulation of its own. Only a request with a body can be sealed.
 * @param publicKey 32 bytes, from {@link parseEhbpKeyConfig}
 * @throws SecurityError `invalid_key_config`
 */
export function sealEhbpRequest(provider: HpkeProvider, publicKey: Uint8Array): Awaitable<EhbpSealedRequest> {
  const setup = translateErrors(
    () =>
      andThen<HpkePublicKey, Awaited<ReturnType<HpkeProvider['setupSender']>>>(
        provider.importPublicKey(EHBP_SUITE.kemId, publicKey),
        (key) => provider.setupSender(EHBP_SUITE, key, REQUEST_INFO),
      ),
    () => new SecurityError("the router's public key is not an X25519 key", { code: 'invalid_key_config' }),
  );
  return andThen(setup, ({ enc, context }) =>
    andThen(exportResponseSecret(context, enc), (responseSecret) => ({
      encapsulatedKey: encodeHex(enc),
      sealer: new FrameSealer(context),
      responseSecret,
    })),
  );
}

/**
 * Makes the opener of a response.
 * @param responseNonce the value of `Ehbp-Response-Nonce`, or null where the header is missing or there twice
 * @throws SecurityError `response_not_authentic` for null: an answer that is not sealed is nobody's; `invalid_response`
 *   for a value that is no nonce
 */
export function openEhbpResponse(
  provider: HpkeProvider,
  secret: ResponseSecret,
  responseNonce: string | null,
  onFrame: (plaintext: Uint8Array) => void,
  options: FrameOpenerOptions = {},
): Awaitable<FrameOpener> {
  if (responseNonce === null) {
    throw new SecurityError('the response is not sealed: anybody may have written it', {
      code: 'response_not_authentic',
    });
  }
  const nonce = decodeHexHeader(responseNonce);
  if (nonce === null) {
    throw new SecurityError('the response has a nonce that is none', { code: 'invalid_response' });
  }
  return andThen(
    deriveEhbpResponseKey(provider, secret, nonce),
    (key) => new FrameOpener('response', key, onFrame, options),
  );
}
