export { ChunkOpener, type ChunkOpenerOptions, type ChunkOpeningKey } from './chunk-opener.ts';
export { ChunkSealer, type ChunkSealerOptions, type ChunkSealingKey } from './chunk-sealer.ts';
export {
  MAX_CHUNK_BYTES,
  OHTTP_CHUNKED_REQUEST_MEDIA_TYPE,
  OHTTP_CHUNKED_RESPONSE_MEDIA_TYPE,
  OHTTP_DATE_PROBLEM_TYPE,
  OHTTP_GATEWAY_PATH,
  OHTTP_KEY_PROBLEM_TYPE,
  OHTTP_KEYS_MEDIA_TYPE,
  OHTTP_REQUEST_MEDIA_TYPE,
  OHTTP_RESPONSE_MEDIA_TYPE,
  PROBLEM_MEDIA_TYPE,
} from './constants.ts';
export { checkInnerRequest, type InnerTarget } from './inner-request.ts';
export {
  encodeKeyConfig,
  encodeKeyConfigs,
  type KeyConfig,
  type KeyConfigPolicy,
  MAX_KEY_CONFIGS_BYTES,
  parseKeyConfigs,
  selectKeyConfig,
} from './key-config.ts';
export {
  type FindGatewayKey,
  type GatewayKey,
  type OpenedWholeRequest,
  openWholeRequest,
  RequestOpener,
} from './opened-request.ts';
export { type OpenedResponse, ResponseOpener, type ResponseOpenerOptions } from './opened-response.ts';
export { MIN_PADDED_BYTES, paddedLength, paddingFor } from './padding.ts';
export {
  importRecipient,
  type Recipient,
  type SealedRequest,
  type SealedWholeRequest,
  sealRequest,
  sealWholeRequest,
} from './sealed-request.ts';
export { createOpenStream, createSealStream } from './streams.ts';
