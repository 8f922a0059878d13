import { apiError, SECURITY_TIERS, type SecurityTier } from '@sotto/protocol';
import type { Exchange, HeaderFields } from '../http/exchange.ts';
import type { Route } from '../http/route-table.ts';
import { type RequestTier, settleTier } from '../tiers/request-tier.ts';
import { type Candidate, fitForTier } from '../upstreams/candidates.ts';
import { forward } from '../upstreams/forward.ts';
import type { ModelDirectory } from '../upstreams/model-directory.ts';
import { bodyForModel, chatRequestSchema, TIER_FIELD } from './chat-request.ts';
import { checkBody, readJsonBody } from './json-body.ts';

/** What the routes ask of whoever sent the request. */
export interface CallerRights {
  allowsModel(model: string): boolean;
  allowsTier(tier: SecurityTier): boolean;
}

/** What the model routes need of the rest of the router. */
export interface ModelRoutesOptions {
  readonly directory: ModelDirectory;
  /** Finds out who sends the request and counts it. @throws AuthenticationError, RateLimitError */
  readonly admit: (exchange: Exchange) => Promise<CallerRights> | CallerRights;
  readonly defaultTier: (model: string) => SecurityTier | undefined;
  readonly maxBodyBytes: number;
  readonly maxAnswerBytes: number;
}

/** `POST /v1/chat/completions`, in one piece and streamed. */
export function chatCompletionRoutes(options: ModelRoutesOptions): readonly Route[] {
  return [{ method: 'POST', path: '/v1/chat/completions', handle: (exchange) => completeChat(exchange, options) }];
}

async function completeChat(exchange: Exchange, options: ModelRoutesOptions): Promise<void> {
  const rights = await options.admit(exchange);
  const body = await readJsonBody(exchange.request, options.maxBodyBytes);
  const { model, stream } = checkBody(chatRequestSchema, body.value);
  if (!rights.allowsModel(model)) {
    throw apiError('model_not_allowed', 'this API key does not allow this model', { param: 'model' });
  }
  const candidates = await options.directory.candidates(model, (id) => rights.allowsModel(id));
  const tier = settleTier(exchange.request, body.value[TIER_FIELD], defaultTier(model, candidates, options));
  if (!rights.allowsTier(tier.tier)) {
    throw apiError('tier_not_allowed', `this API key does not allow tier ${tier.tier}`, { param: TIER_FIELD });
  }
  await forward(exchange.sink, {
    candidates: fitForTier(candidates, tier.tier),
    path: '/chat/completions',
    body: (candidate) => bodyForModel(body, candidate.model),
    stream: stream ?? false,
    maxAnswerBytes: options.maxAnswerBytes,
    answerHeaders: (candidate) => answerHeaders(tier, candidate),
  });
}

/** The model's own default, or the highest among those an alias or an upstream's name leads to: never a quieter one. */
function defaultTier(
  model: string,
  candidates: readonly Candidate[],
  options: ModelRoutesOptions,
): SecurityTier | undefined {
  const own = options.defaultTier(model);
  if (own !== undefined) return own;
  const defaults = candidates.map((candidate) => options.defaultTier(candidate.model));
  return [...SECURITY_TIERS].reverse().find((tier) => defaults.includes(tier));
}

/** Says which tier the request was handled at, why, and what kind of upstream answered. */
function answerHeaders(tier: RequestTier, candidate: Candidate): HeaderFields {
  return {
    'x-sotto-tier': tier.tier,
    'x-sotto-tier-source': tier.source,
    'x-sotto-upstream-class': candidate.upstream.class,
  };
}
