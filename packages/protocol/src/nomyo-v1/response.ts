import type { CryptoProvider, RsaPublicKey } from '../crypto-provider.ts';
import { SecurityError, SottoError } from '../errors.ts';
import { responseMac, verifyResponseMac } from './binding.ts';
import { type KeyUnwrapper, unwrapContentKey } from './content-key.ts';
import {
  CONTENT_KEY_BYTES,
  parseResponseEnvelope,
  type ResponseEnvelope,
  serializeEnvelope,
  type TagStyle,
} from './envelope.ts';
import { openPayload, sealPayload } from './payload.ts';

/** How an answer is to be sealed. */
export interface SealResponseOptions {
  /** The key in the request's X-Public-Key. */
  readonly clientKey: RsaPublicKey;
  /** The request's own form: each of NOMYO's clients reads only the one it writes. */
  readonly tagStyle: TagStyle;
  /** The request's content key where the request was bound, and so the answer must be; else null. */
  readonly macUnder: Uint8Array | null;
  readonly nowMs: number;
}

/** Seals an answer to the client's key, under a fresh content key and nonce. @returns the envelope's JSON */
export async function sealResponse(
  provider: CryptoProvider,
  plaintext: Uint8Array,
  options: SealResponseOptions,
): Promise<string> {
  const contentKey = provider.randomBytes(CONTENT_KEY_BYTES);
  try {
    const wrappedKey = await options.clientKey.encrypt(contentKey);
    const payload = await sealPayload(provider, contentKey, plaintext);
    const mac = options.macUnder === null ? null : await responseMac(provider, options.macUnder, payload);
    return serializeEnvelope(
      provider,
      { wrappedKey, ...payload, tagStyle: options.tagStyle },
      { processedAt: Math.floor(options.nowMs / 1000), mac },
    );
  } finally {
    contentKey.fill(0);
  }
}

/** An answer in clear. */
export interface OpenedResponse {
  /** The completion's JSON. The caller zeroes it. */
  readonly plaintext: Uint8Array;
  /** Unix time in seconds, as the envelope claims; not authenticated. */
  readonly processedAt: number | null;
  /** Whether a MAC proves that the answer came from whoever opened the request. */
  readonly bound: boolean;
}

/**
 * Opens an answer.
 * @param macUnder the request's content key where the request was bound: the answer then must carry its MAC.
 *   Null accepts an answer that anybody may have made who knows the client's public key.
 * @throws SecurityError `invalid_response`, `response_not_authentic`, `decryption_failed`
 */
export async function openResponse(
  provider: CryptoProvider,
  privateKey: KeyUnwrapper,
  body: Uint8Array,
  macUnder: Uint8Array | null,
): Promise<OpenedResponse> {
  const envelope = readResponse(provider, privateKey, body);
  if (macUnder !== null && !(await verifyResponseMac(provider, macUnder, envelope, envelope.mac))) {
    throw new SecurityError('the answer does not come from the router that opened the request', {
      code: 'response_not_authentic',
    });
  }
  const contentKey = await unwrapContentKey(provider, privateKey, envelope.wrappedKey);
  try {
    const plaintext = await openPayload(provider, contentKey, envelope);
    return { plaintext, processedAt: envelope.processedAt, bound: macUnder !== null };
  } catch {
    throw new SecurityError('the answer could not be decrypted', { code: 'decryption_failed' });
  } finally {
    contentKey.fill(0);
  }
}

function readResponse(provider: CryptoProvider, privateKey: KeyUnwrapper, body: Uint8Array): ResponseEnvelope {
  let envelope: ResponseEnvelope;
  try {
    envelope = parseResponseEnvelope(provider, body);
  } catch (error) {
    if (!SottoError.isInstance(error)) throw error;
    throw new SecurityError(`the answer is not a sealed one: ${error.message}`, { code: 'invalid_response' });
  }
  if (envelope.wrappedKey.length !== privateKey.modulusBytes) {
    throw new SecurityError('the answer is sealed to a key of another length', { code: 'invalid_response' });
  }
  return envelope;
}
