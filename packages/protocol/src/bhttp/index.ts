export { decodeRequest, decodeResponse } from './decode.ts';
export { type MessageHandler, RequestDecoder, ResponseDecoder, type ResponseHandler } from './decoder.ts';
export {
  type EncodeOptions,
  encodeContent,
  encodeEnd,
  encodeRequest,
  encodeRequestHead,
  encodeResponse,
  encodeResponseHead,
} from './encode.ts';
export { type BhttpLimits, DEFAULT_BHTTP_LIMITS } from './limits.ts';
export type { BinaryRequest, BinaryResponse, Field, MessageBody, RequestHead, ResponseHead } from './message.ts';
