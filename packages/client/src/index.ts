export {
  APIConnectionError,
  APIError,
  APITimeoutError,
  APIUserAbortError,
  AuthenticationError,
  ConfigurationError,
  type ErrorCode,
  ForbiddenError,
  InvalidRequestError,
  NotFoundError,
  PayloadTooLargeError,
  RateLimitError,
  SECURITY_TIERS,
  SecurityError,
  type SecurityTier,
  ServerError,
  ServiceUnavailableError,
  SottoError,
} from '@sotto/protocol';
export { APIPromise, type WithResponse } from './api-promise.ts';
export type * from './chat-completion.ts';
export type { GenerateKeysOptions, LoadKeysOptions } from './client-keys.ts';
export type { ClientOptions, RequestBinding } from './client-options.ts';
export { type Clock, systemClock } from './clock.ts';
export { CompletionStream } from './completion-stream.ts';
export type { ResponseInfo } from './exchange.ts';
export { type Fetch, fetchTransport } from './fetch-transport.ts';
export { LOG_LEVELS, type LogFields, type Logger, type LogLevel } from './log.ts';
export type { HeaderOptions } from './outer-headers.ts';
export type { KeyFiles, KeyFileText, KeyPairText, Platform } from './platform.ts';
export type { RequestOptions } from './request-options.ts';
export { SecureChatCompletion } from './secure-chat-completion.ts';
export { SecureCompletionClient, type SecureCompletionClientOptions } from './secure-completion-client.ts';
export type { ResponseBody, Transport, TransportRequest, TransportResponse } from './transport.ts';
export { webPlatform } from './web-platform.ts';
