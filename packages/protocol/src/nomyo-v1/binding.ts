import { apiError } from '../api-error.ts';
import { concatBytes, encodeHex, encodeUtf8, equalBytes } from '../bytes.ts';
import type { CryptoProvider, RsaPublicKey } from '../crypto-provider.ts';
import type { SottoError } from '../errors.ts';
import type { SecurityTier } from '../security-tier.ts';
import type { SealedPayload } from './payload.ts';

/** The member of the encrypted payload that carries the binding; never forwarded to an upstream. */
export const BINDING_MEMBER = '_sotto';
/** Header of `GET /pki/public_key` by which a router says that it understands the binding. */
export const BINDING_HEADER = 'sotto-binding';
/** The binding's version, here and in the header. */
export const BINDING_VERSION = 1;

/**
 * An authenticated copy of what nomyo-v1 leaves in headers that anyone on the way can rewrite. Sealed inside the
 * payload, it lets the router notice a swapped public key, payload id or tier, and a request that is too old.
 */
export interface Binding {
  readonly v: typeof BINDING_VERSION;
  /** Unix time in seconds. */
  readonly ts: number;
  readonly payload_id: string;
  /** SHA-256 of the client's SubjectPublicKeyInfo, 64 hexadecimal digits. */
  readonly client_key: string;
  readonly tier: SecurityTier | null;
}

/** What a binding speaks of: on the client what is about to be sent, on the router what has arrived. */
export interface BoundFields {
  readonly payloadId: string;
  readonly clientKey: RsaPublicKey;
  readonly tier: SecurityTier | null;
  readonly nowMs: number;
}

/** Makes the binding of a request. */
export async function makeBinding(provider: CryptoProvider, fields: BoundFields): Promise<Binding> {
  return {
    v: BINDING_VERSION,
    ts: Math.floor(fields.nowMs / 1000),
    payload_id: fields.payloadId,
    client_key: encodeHex(await provider.sha256(fields.clientKey.spki)),
    tier: fields.tier,
  };
}

/**
 * Checks a binding against the headers the request arrived with.
 * @throws InvalidRequestError `binding_mismatch` where a header was changed on the way
 * @throws InvalidRequestError `replayed_request` where the request is older or newer than `windowMs`
 */
export async function checkBinding(
  provider: CryptoProvider,
  binding: unknown,
  arrived: BoundFields,
  windowMs: number,
): Promise<void> {
  const expected = await makeBinding(provider, arrived);
  const found = (typeof binding === 'object' && binding !== null ? binding : {}) as Readonly<Record<string, unknown>>;
  if (found['v'] !== expected.v || typeof found['ts'] !== 'number') throw mismatch('has an unknown form');
  if (found['client_key'] !== expected.client_key) throw mismatch('names another public key than X-Public-Key');
  if (found['payload_id'] !== expected.payload_id) throw mismatch('names another id than X-Payload-ID');
  if ((found['tier'] ?? null) !== expected.tier) throw mismatch('names another tier than X-Security-Tier');
  if (!(Math.abs(arrived.nowMs - found['ts'] * 1000) <= windowMs)) {
    throw apiError('replayed_request', 'the request is outside the time window: seal it anew, and check both clocks');
  }
}

function mismatch(reason: string): SottoError {
  return apiError('binding_mismatch', `the sealed binding ${reason}: it was changed on the way`, {
    param: BINDING_MEMBER,
  });
}

const MAC_INFO = encodeUtf8('sotto nomyo-v1 response mac');
const MAC_KEY_BYTES = 32;

/**
 * The answer's MAC: HMAC-SHA-256 over nonce ‖ ciphertext ‖ tag, under a key that HKDF-SHA-256 derives from the
 * request's content key. Only the two ends know that key, so nobody else can make an answer.
 */
export async function responseMac(
  provider: CryptoProvider,
  requestContentKey: Uint8Array,
  answer: SealedPayload,
): Promise<Uint8Array> {
  const key = await provider.hkdfSha256(requestContentKey, new Uint8Array(0), MAC_INFO, MAC_KEY_BYTES);
  try {
    // nonce and tag have fixed lengths: the concatenation reads in one way only
    return await provider.hmacSha256(key, concatBytes(answer.nonce, answer.sealed));
  } finally {
    key.fill(0);
  }
}

/** Whether `mac` is the answer's; false for null. */
export async function verifyResponseMac(
  provider: CryptoProvider,
  requestContentKey: Uint8Array,
  answer: SealedPayload,
  mac: Uint8Array | null,
): Promise<boolean> {
  return mac !== null && equalBytes(mac, await responseMac(provider, requestContentKey, answer));
}
