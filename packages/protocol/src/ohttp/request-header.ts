import { concatBytes } from '../bytes.ts';
import type { HpkeSuite } from '../hpke/suite.ts';
import { LABELS, type OhttpForm } from './constants.ts';

/** Bytes of key id, KEM, KDF and AEAD (RFC 9458 §4.3). */
export const REQUEST_HEADER_BYTES = 7;

/** The start of an encapsulated request: which key, and what with. Nothing of it is secret. */
export interface RequestHeader extends HpkeSuite {
  readonly keyId: number;
}

/** key_id(1) ‖ kem(2) ‖ kdf(2) ‖ aead(2) (RFC 9458 §4.3). */
export function encodeRequestHeader({ keyId, kemId, kdfId, aeadId }: RequestHeader): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(keyId, kemId >> 8, kemId & 0xff, kdfId >> 8, kdfId & 0xff, aeadId >> 8, aeadId & 0xff);
}

/** Reads {@link REQUEST_HEADER_BYTES} bytes. */
export function parseRequestHeader(bytes: Uint8Array): RequestHeader {
  const [keyId = 0, kemHigh = 0, kemLow = 0, kdfHigh = 0, kdfLow = 0, aeadHigh = 0, aeadLow = 0] = bytes;
  return {
    keyId,
    kemId: (kemHigh << 8) | kemLow,
    kdfId: (kdfHigh << 8) | kdfLow,
    aeadId: (aeadHigh << 8) | aeadLow,
  };
}

/** HPKE's info: label ‖ 0x00 ‖ header (RFC 9458 §4.3; draft-ietf-ohai-chunked-ohttp-08 §6.1). */
export function requestInfo(form: OhttpForm, header: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes(LABELS[form].request, Uint8Array.of(0), header);
}
