import { ERROR_CODES, type ErrorCode } from './error-codes.ts';
import {
  APIError,
  type APIErrorOptions,
  AuthenticationError,
  ForbiddenError,
  InvalidRequestError,
  NotFoundError,
  PayloadTooLargeError,
  RateLimitError,
  ServerError,
  ServiceUnavailableError,
} from './errors.ts';

/** The class of error that a status calls for, and OpenAI's word for it. */
function kindOf(status: number): { readonly Class: typeof APIError; readonly type: string } {
  switch (status) {
    case 400:
      return { Class: InvalidRequestError, type: 'invalid_request_error' };
    case 401:
      return { Class: AuthenticationError, type: 'authentication_error' };
    case 402:
      return { Class: APIError, type: 'insufficient_quota' };
    case 403:
      return { Class: ForbiddenError, type: 'permission_error' };
    case 404:
      return { Class: NotFoundError, type: 'not_found_error' };
    case 413:
      return { Class: PayloadTooLargeError, type: 'invalid_request_error' };
    case 429:
      return { Class: RateLimitError, type: 'rate_limit_error' };
    case 503:
      return { Class: ServiceUnavailableError, type: 'service_unavailable_error' };
    default:
      return status >= 500
        ? { Class: ServerError, type: 'server_error' }
        : { Class: APIError, type: 'invalid_request_error' };
  }
}

/** Makes the error class that belongs to an HTTP status. */
export function apiErrorOfStatus(status: number, message: string, options: Omit<APIErrorOptions, 'status'>): APIError {
  const { Class, type } = kindOf(status);
  return new Class(message, { ...options, status, type: options.type ?? type });
}

/** Codes that a router answers with; the others are raised on the client's side only. */
export type APIErrorCode = {
  [Code in ErrorCode]: (typeof ERROR_CODES)[Code] extends number ? Code : never;
}[ErrorCode];

/** Makes the error of one of this project's codes, with the status that belongs to it. */
export function apiError(
  code: APIErrorCode,
  message: string,
  options: Omit<APIErrorOptions, 'status' | 'code'> = {},
): APIError {
  return apiErrorOfStatus(ERROR_CODES[code], message, { ...options, code });
}
