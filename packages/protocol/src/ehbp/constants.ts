import { encodeUtf8 } from '../bytes.ts';
import { AEAD_AES_256_GCM, type HpkeSuite, KDF_HKDF_SHA256, KEM_X25519 } from '../hpke/suite.ts';

/** Where the key configuration is (EHBP §3.1). */
export const EHBP_KEYS_PATH = '/.well-known/hpke-keys';
/** Its media type, compared as a whole by npm's client: nothing may follow it (EHBP §3.1). */
export const EHBP_KEYS_MEDIA_TYPE = 'application/ohttp-keys';
/** Header of a sealed request: enc, 64 lower-case hexadecimal digits (EHBP §4.1). */
export const ENCAPSULATED_KEY_HEADER = 'ehbp-encapsulated-key';
/** Header of a sealed response: the nonce, 64 lower-case hexadecimal digits (EHBP §4.2). */
export const RESPONSE_NONCE_HEADER = 'ehbp-response-nonce';
/** Problem type of a request under a key that the router does not have (EHBP §5.4.2). */
export const EHBP_KEY_PROBLEM_TYPE = 'urn:ietf:params:ehbp:error:key-config';

/** The one suite (EHBP §3.2). */
export const EHBP_SUITE: HpkeSuite = { kemId: KEM_X25519, kdfId: KDF_HKDF_SHA256, aeadId: AEAD_AES_256_GCM };
/** The one key id (EHBP §3.2). */
export const EHBP_KEY_ID = 0;
/** HPKE's info (EHBP §4.4). */
export const REQUEST_INFO: Uint8Array = encodeUtf8('ehbp request');
/** The exporter context (EHBP §4.4.1). */
export const RESPONSE_EXPORT_LABEL: Uint8Array = encodeUtf8('ehbp response');
/** Bytes of the exported secret, of enc and of the response nonce alike (EHBP §4.2, §4.4.1). */
export const EHBP_SECRET_BYTES = 32;
/** The longest frame that is taken unless the caller says otherwise: a body of 10 MiB in one write, with its tag. */
export const MAX_FRAME_BYTES = 10 * 1024 * 1024 + 16;
