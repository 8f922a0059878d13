export {
  EHBP_KEY_PROBLEM_TYPE,
  EHBP_KEYS_MEDIA_TYPE,
  EHBP_KEYS_PATH,
  EHBP_SUITE,
  ENCAPSULATED_KEY_HEADER,
  MAX_FRAME_BYTES,
  RESPONSE_NONCE_HEADER,
} from './constants.ts';
export { FrameOpener, type FrameOpenerOptions } from './frame-opener.ts';
export { FrameSealer } from './frame-sealer.ts';
export { encodeEhbpKeyConfig, parseEhbpKeyConfig } from './key-config.ts';
export { type EhbpOpenedRequest, type EhbpSealedResponse, openEhbpRequest } from './opened-request.ts';
export { parseRecoveryToken, type ResponseSecret, serializeRecoveryToken } from './response-key.ts';
export { type EhbpSealedRequest, openEhbpResponse, sealEhbpRequest } from './sealed-request.ts';
