import { apiError } from '../api-error.ts';
import { encodeUtf8 } from '../bytes.ts';
import type { CryptoProvider, RsaPublicKey } from '../crypto-provider.ts';
import { BINDING_MEMBER, type Binding } from './binding.ts';
import { type KeyUnwrapper, unwrapContentKey } from './content-key.ts';
import { CONTENT_KEY_BYTES, type Envelope, MAX_PAYLOAD_BYTES, parseEnvelope, serializeEnvelope } from './envelope.ts';
import { openPayload, sealPayload } from './payload.ts';

/** A request, ready to be sent once: every attempt is sealed anew. */
export interface SealedRequest {
  /** The envelope's JSON. */
  readonly body: string;
  /** The content key, 32 bytes, needed to check the answer's MAC. The caller zeroes it. */
  readonly contentKey: Uint8Array;
}

/**
 * Seals a chat request to a router's key, under a fresh content key and nonce.
 * @param binding what {@link makeBinding} made, for routers that understand it; null leaves the payload as it is
 * @throws PayloadTooLargeError `payload_too_large` for more than 10 MiB of JSON
 */
export async function sealRequest(
  provider: CryptoProvider,
  serverKey: RsaPublicKey,
  payload: Readonly<Record<string, unknown>>,
  binding: Binding | null = null,
): Promise<SealedRequest> {
  const plaintext = encodeUtf8(JSON.stringify(binding === null ? payload : { ...payload, [BINDING_MEMBER]: binding }));
  if (plaintext.length > MAX_PAYLOAD_BYTES) {
    plaintext.fill(0);
    throw apiError('payload_too_large', `a request has at most ${MAX_PAYLOAD_BYTES} bytes of JSON`);
  }
  const contentKey = provider.randomBytes(CONTENT_KEY_BYTES);
  try {
    const wrappedKey = await serverKey.encrypt(contentKey);
    const sealedPayload = await sealPayload(provider, contentKey, plaintext);
    return { body: serializeEnvelope(provider, { wrappedKey, ...sealedPayload, tagStyle: 'separate' }), contentKey };
  } catch (error) {
    contentKey.fill(0);
    throw error;
  } finally {
    plaintext.fill(0);
  }
}

/** A request whose envelope has been read and whose lengths fit the key, before anything is decrypted. */
export interface ReceivedRequest {
  readonly envelope: Envelope;
  /** SHA-256 of the wrapped key: the same bytes sent twice have the same id. */
  readonly replayId: Uint8Array;
}

/**
 * Reads a request's envelope.
 * @throws what {@link parseEnvelope} throws, and `invalid_envelope` for a wrapped key of another length than the
 *   modulus of `unwrapper`
 */
export async function receiveRequest(
  provider: CryptoProvider,
  unwrapper: KeyUnwrapper,
  body: Uint8Array,
): Promise<ReceivedRequest> {
  const envelope = parseEnvelope(provider, body);
  if (envelope.wrappedKey.length !== unwrapper.modulusBytes) {
    throw apiError(
      'invalid_envelope',
      `the envelope's wrapped key has another length than ${unwrapper.modulusBytes} bytes`,
      {
        param: 'encrypted_aes_key',
      },
    );
  }
  return { envelope, replayId: await provider.sha256(envelope.wrappedKey) };
}

/** A request in clear. The caller zeroes both. */
export interface OpenedRequest {
  /** The chat request's JSON, as the client wrote it. */
  readonly plaintext: Uint8Array;
  /** 32 bytes. */
  readonly contentKey: Uint8Array;
}

/**
 * Opens a request.
 * @throws InvalidRequestError `decryption_failed`, whatever the reason
 */
export async function openRequest(
  provider: CryptoProvider,
  unwrapper: KeyUnwrapper,
  envelope: Envelope,
): Promise<OpenedRequest> {
  const contentKey = await unwrapContentKey(provider, unwrapper, envelope.wrappedKey);
  try {
    return { plaintext: await openPayload(provider, contentKey, envelope), contentKey };
  } catch (error) {
    contentKey.fill(0);
    throw error;
  }
}
