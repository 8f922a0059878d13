import { APIError, ConfigurationError, SecurityError, type SottoError } from '@sotto/protocol';

/**
 * What a failed exchange is for the caller: `throw` rejects with the typed error; `response` answers with it, as
 * OpenAI's API would, for SDKs that take a rejection for a broken connection and try again.
 */
export type OnSecurityError = 'throw' | 'response';

/** A broken promise of the protocol is final: a 403 is what no SDK tries again. */
const FINAL_STATUS = 403;

/**
 * The answer in the place of an error, or null for an error that must stay one: a broken connection, an abort. All of
 * it is made here; nothing that came in clear is in it.
 */
export function errorResponse(error: unknown): Response | null {
  if (SecurityError.isInstance(error) || ConfigurationError.isInstance(error)) {
    return respond(error, FINAL_STATUS, 'security_error', { 'x-should-retry': 'false' });
  }
  // A load balancer without a router: the SDK's own retries are right here, and a status is what they go by.
  if (APIError.isInstance(error)) {
    const wait: Record<string, string> =
      error.retryAfterMs === null ? {} : { 'retry-after-ms': String(Math.ceil(error.retryAfterMs)) };
    return respond(error, error.status, error.type ?? 'server_error', wait);
  }
  return null;
}

function respond(error: SottoError, status: number, type: string, headers: Record<string, string>): Response {
  const { message, code } = error;
  const param = APIError.isInstance(error) ? error.param : null;
  return Response.json({ error: { message, type, param, code } }, { status, headers });
}
