import { apiError, isSecurityTier, SECURITY_TIERS, type SecurityTier } from '@sotto/protocol';
import { BINDING_MEMBER } from '@sotto/protocol/nomyo-v1';
import type { ChatCompletionParams } from './chat-completion.ts';

/** A caller's parameters, parted into what is sealed and what steers the request. */
export interface ChatRequest {
  /** The parameters that go to the model. */
  readonly payload: Readonly<Record<string, unknown>>;
  readonly tier: SecurityTier | null;
  /** Undefined where the caller named none: the client's own holds. */
  readonly apiKey: string | null | undefined;
  readonly baseUrl: string | undefined;
  readonly stream: boolean;
  /** OpenAI's `stream_options`: goes to the model with a streamed request only. */
  readonly streamOptions: unknown;
}

/**
 * Takes `security_tier`, `api_key`, `base_url` and `stream` out of the parameters; all others are passed on.
 * @throws InvalidRequestError `invalid_security_tier`, `invalid_request`
 */
export function parseChatRequest(parameters: ChatCompletionParams): ChatRequest {
  const {
    security_tier: tier,
    api_key: apiKey,
    base_url: baseUrl,
    stream,
    // Only says how to stream, and upstreams refuse it beside an unstreamed request.
    stream_options: streamOptions,
    ...payload
  } = parameters;
  return {
    payload: checkPayload(payload),
    tier: parseSecurityTier(tier),
    apiKey,
    baseUrl: baseUrl ?? undefined,
    stream: stream ?? false,
    streamOptions,
  };
}

/** @throws InvalidRequestError `invalid_request` for a member that is the protocol's own */
export function checkPayload(payload: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (BINDING_MEMBER in payload) {
    throw apiError('invalid_request', `"${BINDING_MEMBER}" is written by the client itself`, { param: BINDING_MEMBER });
  }
  return payload;
}

/** @throws InvalidRequestError `invalid_security_tier` */
export function parseSecurityTier(tier: unknown): SecurityTier | null {
  if (tier === undefined || tier === null) return null;
  if (isSecurityTier(tier)) return tier;
  throw apiError('invalid_security_tier', `security_tier is one of ${SECURITY_TIERS.join(', ')}: nothing was sent`, {
    param: 'security_tier',
  });
}
