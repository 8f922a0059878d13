export { DER_TAG, DerReader, unsignedInteger } from '../der/index.ts';
export {
  BINDING_HEADER,
  BINDING_MEMBER,
  BINDING_VERSION,
  type Binding,
  type BoundFields,
  checkBinding,
  makeBinding,
} from './binding.ts';
export type { KeyUnwrapper } from './content-key.ts';
export {
  ENVELOPE_ALGORITHM,
  type Envelope,
  MAX_ENVELOPE_BYTES,
  MAX_PAYLOAD_BYTES,
  type TagStyle,
} from './envelope.ts';
export { decodePem, encodePem, type PemBlock, type PemLabel } from './pem.ts';
export { decodePublicKeyHeader, encodePublicKeyHeader, PUBLIC_KEY_HEADER } from './public-key-header.ts';
export {
  type OpenedRequest,
  openRequest,
  type ReceivedRequest,
  receiveRequest,
  type SealedRequest,
  sealRequest,
} from './request.ts';
export { type OpenedResponse, openResponse, type SealResponseOptions, sealResponse } from './response.ts';
export {
  DEFAULT_MODULUS_BITS,
  exportPublicKeyPem,
  fingerprint,
  generateRsaKeyPair,
  importPrivateKeyPem,
  importPrivateKeyPkcs8,
  importPublicKeyPem,
  importPublicKeySpki,
  type RsaKeyPair,
} from './rsa-key.ts';
