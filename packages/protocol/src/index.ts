export { type APIErrorCode, apiError, apiErrorOfStatus } from './api-error.ts';
export { decodeBase64, encodeBase64 } from './base64.ts';
export { decodeBase64Url, encodeBase64Url } from './base64url.ts';
export { concatBytes, decodeUtf8, encodeHex, encodeUtf8, equalBytes } from './bytes.ts';
export type { Awaitable, CryptoProvider, RsaPrivateKey, RsaPublicKey } from './crypto-provider.ts';
export {
  type ErrorBody,
  errorBody,
  errorBodyWithDetail,
  parseErrorBody,
  parseRetryAfter,
  type ReceivedError,
} from './error-body.ts';
export { ERROR_CODES, type ErrorCode, isErrorCode } from './error-codes.ts';
export * from './errors.ts';
export { isSecurityTier, SECURITY_TIERS, type SecurityTier, tierAtLeast } from './security-tier.ts';
export { webCrypto } from './web-crypto.ts';
