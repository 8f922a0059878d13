import { andThen } from '../awaitable.ts';
import { concatBytes, encodeUtf8 } from '../bytes.ts';
import type { Awaitable } from '../crypto-provider.ts';
import type { AeadKey, HpkeExporter, HpkeProvider } from '../hpke/hpke-provider.ts';
import { NonceSequence } from '../hpke/nonce-sequence.ts';
import { aeadKeyBytes, NONCE_BYTES } from '../hpke/suite.ts';

const KEY_LABEL = encodeUtf8('key'); // RFC 9458 §4.4
const NONCE_LABEL = encodeUtf8('nonce'); // RFC 9458 §4.4

/** Bytes of the response nonce, and of the exported secret: max(Nn, Nk) (RFC 9458 §4.4). */
export function responseNonceBytes(aeadId: number): number {
  return Math.max(NONCE_BYTES, aeadKeyBytes(aeadId) ?? 0);
}

/** What a response is sealed with: the key and its nonces, base XOR 0, base XOR 1, … */
export class ResponseKey {
  readonly #key: AeadKey;
  readonly #nonces: NonceSequence;

  constructor(key: AeadKey, nonces: NonceSequence) {
    this.#key = key;
    this.#nonces = nonces;
  }

  seal(plaintext: Uint8Array, aad: Uint8Array): Awaitable<Uint8Array> {
    return this.#key.seal(this.#nonces.take(), plaintext, aad);
  }

  open(sealed: Uint8Array, aad: Uint8Array): Awaitable<Uint8Array> {
    return this.#key.open(this.#nonces.take(), sealed, aad);
  }
}

/** Where a response's key comes from. */
export interface ResponseKeySource {
  /** The request's HPKE context, either end. */
  readonly context: HpkeExporter;
  readonly aeadId: number;
  /** The request's encapsulated secret. */
  readonly enc: Uint8Array;
  readonly exportLabel: Uint8Array;
}

/**
 * Derives a response's key from its request's context and the response nonce (RFC 9458 §4.4), so that it can have come
 * only from who opened that request, and answers only that request.
 */
export function deriveResponseKey(
  provider: HpkeProvider,
  source: ResponseKeySource,
  responseNonce: Uint8Array,
): Awaitable<ResponseKey> {
  return andThen(source.context.export(source.exportLabel, responseNonceBytes(source.aeadId)), (secret) =>
    expandResponseKey(provider, source.aeadId, secret, concatBytes(source.enc, responseNonce)),
  );
}

/** The second half of {@link deriveResponseKey}: from an exported secret, and `enc ‖ response nonce` as the salt. */
export function expandResponseKey(
  provider: HpkeProvider,
  aeadId: number,
  secret: Uint8Array,
  salt: Uint8Array,
): Awaitable<ResponseKey> {
  return andThen(provider.hkdfExtract(salt, secret), (prk) =>
    andThen(provider.hkdfExpand(prk, KEY_LABEL, aeadKeyBytes(aeadId) ?? 0), (key) =>
      andThen(provider.hkdfExpand(prk, NONCE_LABEL, NONCE_BYTES), (base) =>
        andThen(provider.importAeadKey(aeadId, key), (imported) => {
          prk.fill(0);
          key.fill(0);
          return new ResponseKey(imported, new NonceSequence(base));
        }),
      ),
    ),
  );
}
