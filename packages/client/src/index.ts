export {
  APIConnectionError,
  APIError,
  APITimeoutError,
  APIUserAbortError,
  AttestationError,
  AuthenticationError,
  ConfigurationError,
  type ErrorCode,
  ForbiddenError,
  InvalidRequestError,
  NotFoundError,
  PayloadTooLargeError,
  PolicyError,
  RateLimitError,
  SECURITY_TIERS,
  SecurityError,
  type SecurityTier,
  ServerError,
  ServiceUnavailableError,
  SottoError,
} from '@sotto/protocol';
export { APIPromise, type WithResponse } from './api-promise.ts';
export type { AttestationOptions, OnMeasurementChange, TierOptions } from './attestation/attestation-options.ts';
export type {
  AttestationStage,
  AttestationStatus,
  AttestationStep,
  FailedAttestation,
  UnverifiedAttestation,
  VerifiedAttestation,
} from './attestation/attestation-status.ts';
export type * from './chat-completion.ts';
export type { GenerateKeysOptions, LoadKeysOptions } from './client-keys.ts';
export type { ClientOptions, ProtocolOption, RequestBinding } from './client-options.ts';
export { type Clock, systemClock } from './clock.ts';
export { CompletionStream } from './completion-stream.ts';
export type { ResponseInfo } from './exchange.ts';
export { type Fetch, type FetchTransportOptions, fetchTransport } from './fetch-transport.ts';
export { LOG_LEVELS, type LogFields, type Logger, type LogLevel } from './log.ts';
export type { SecureConnection } from './ohttp/connection.ts';
export type { PqKem } from './ohttp/key-policy.ts';
export type { Trust } from './ohttp/key-source.ts';
export type { OhttpOptions } from './ohttp/ohttp-options.ts';
export type { RelayOptions } from './ohttp/relay.ts';
export type { OhttpRuntime } from './ohttp/runtime.ts';
export { type UnsealedResponse, UnsealedResponseError } from './ohttp/unsealed-answer.ts';
export type { HeaderOptions } from './outer-headers.ts';
export type { KeyFiles, KeyFileText, KeyPairText, Platform } from './platform.ts';
export type { RequestOptions } from './request-options.ts';
export { type ChatProtocol, createRouterMemory, type RouterMemory, type RouterRecord } from './router-memory.ts';
export { SecureChatCompletion } from './secure-chat-completion.ts';
export { SecureCompletionClient, type SecureCompletionClientOptions } from './secure-completion-client.ts';
export type { SecureFetchOptions } from './secure-fetch/create-secure-fetch.ts';
export type { OnSecurityError } from './secure-fetch/error-response.ts';
export { createSecureFetch } from './secure-fetch/index.ts';
export type { SecureFetchInit } from './secure-fetch/read-request.ts';
export type { RequestContent } from './secure-fetch/request-content.ts';
export type { SecureFetch } from './secure-fetch/secure-fetch.ts';
export type { ResponseBody, Transport, TransportRequest, TransportResponse } from './transport.ts';
export { webPlatform } from './web-platform.ts';
