import { apiError, SECURITY_TIERS, type SecurityTier } from '@sotto/protocol';
import type { Exchange, HeaderFields } from '../http/exchange.ts';
import { checkBody, type JsonBody, readJsonBody } from '../http/json-body.ts';
import type { JsonObject } from '../http/json-object.ts';
import type { ModelWork } from '../http/request-notes.ts';
import { type RequestTier, settleTier, TIER_FIELD } from '../tiers/request-tier.ts';
import { type Candidate, fitForTier } from '../upstreams/candidates.ts';
import { forward } from '../upstreams/forward.ts';
import type { Forwarded } from '../upstreams/forwarded.ts';
import type { ModelDirectory } from '../upstreams/model-directory.ts';
import type { TokenUsage } from '../upstreams/token-usage.ts';
import type { UpstreamClass } from '../upstreams/upstream.ts';
import type { Admission, Settlement } from './admission.ts';
import type { ModelEndpoint } from './model-endpoint.ts';
import { estimatePromptTokens } from './prompt-estimate.ts';
import { bodyForUpstream } from './request-body.ts';

/** What an upstream understands beyond the plain API. */
export interface UpstreamDialect {
  /** It takes `stream_options.include_usage`. */
  readonly streamUsage: boolean;
  /** It takes `cache_salt`, and keeps prompt caches apart by it. */
  readonly cacheSalt: boolean;
}

/** What the model routes need of the rest of the router. */
export interface ModelRoutesOptions {
  readonly directory: Pick<ModelDirectory, 'candidates' | 'list'>;
  /** Finds out who sends the request and counts it. @throws AuthenticationError, RateLimitError */
  readonly admit: (exchange: Exchange) => Promise<Admission> | Admission;
  readonly defaultTier: (model: string) => SecurityTier | undefined;
  readonly dialect: (upstream: string) => UpstreamDialect;
  /** Makes a salt that nobody else's requests have, of whatever salt the caller sent. */
  readonly cacheSalt: (keyId: string, own: string) => string | null;
  readonly maxBodyBytes: number;
  readonly maxAnswerBytes: number;
  /** Streams tell what was used whether they were asked to or not: whoever reads them wants to know. */
  readonly showsUsage?: boolean;
}

/** Answers a request for a model: who asks, what they may, which upstreams are fit, and what it used. */
export async function answerModelRequest(
  exchange: Exchange,
  options: ModelRoutesOptions,
  endpoint: ModelEndpoint,
): Promise<void> {
  const admission = await options.admit(exchange);
  const body = await readJsonBody(exchange.request, options.maxBodyBytes);
  const asked = endpoint.isGood(body.value) ? body.value : checkBody(endpoint.schema, body.value);
  const { model } = asked;
  if (!admission.allowsModel(model)) {
    throw apiError('model_not_allowed', 'this API key does not allow this model', { param: 'model' });
  }
  const candidates = await options.directory.candidates(model, (id) => admission.allowsModel(id));
  const tier = settleTier(exchange.request, body.value[TIER_FIELD], {
    key: admission.defaultTier,
    model: defaultTier(model, candidates, options),
  });
  if (!admission.allowsTier(tier.tier)) {
    throw apiError('tier_not_allowed', `this API key does not allow tier ${tier.tier}`, { param: TIER_FIELD });
  }
  const fit = fitForTier(candidates, tier.tier);
  const promptTokens = estimatePromptTokens(body.value, body.bytes.length);
  const tokens = promptTokens + endpoint.maxAnswerTokens(body.value);
  const reservation = await admission.reserve({ model, tokens });
  exchange.sink.preset(reservation.headers);
  const stream = endpoint.streams && (asked.stream ?? false);
  const addsUsage = stream && !asksForUsage(body.value);
  const { rewrite } = endpoint;
  let settlement = NOT_ANSWERED;
  const work = newWork(endpoint.path, { model, tier: tier.tier, stream });
  const { notes } = exchange;
  if (notes !== undefined) notes.work = work;
  const traceparent = notes?.modelBegins?.(work);
  try {
    const forwarded = await forward(exchange.sink, {
      candidates: fit,
      path: endpoint.path,
      tier: tier.tier,
      body: (candidate) => bodyFor(candidate, body, { addsUsage, keyId: admission.keyId }, options),
      stream,
      hidesUsage: addsUsage && options.showsUsage !== true,
      maxAnswerBytes: options.maxAnswerBytes,
      answerHeaders: ({ upstream }) => answerHeaders(tier, upstream.class),
      traceparent,
      onEvents: (count) => notes?.passed(count),
      ...(rewrite === undefined ? {} : { rewrite: (answer) => rewrite(body.value, answer) }),
    });
    settlement = settlementOf(forwarded, promptTokens);
    noteWork(work, forwarded, settlement);
    if (forwarded.failure !== null && notes !== undefined) notes.code = forwarded.failure;
  } finally {
    work.endedMs = performance.now();
    reservation.settle(settlement);
  }
}

function newWork(path: string, { model, tier, stream }: Pick<ModelWork, 'model' | 'tier' | 'stream'>): ModelWork {
  const nowMs = performance.now();
  return {
    path,
    model,
    tier,
    stream,
    beganMs: nowMs,
    endedMs: nowMs,
    outcome: 'failed',
    upstream: null,
    upstreamClass: null,
    upstreamModel: null,
    promptTokens: 0,
    completionTokens: 0,
  };
}

function noteWork(work: ModelWork, { outcome, candidate }: Forwarded, { usage }: Settlement): void {
  work.outcome = outcome;
  work.upstream = candidate?.upstream.name ?? null;
  work.upstreamClass = candidate?.upstream.class ?? null;
  work.upstreamModel = candidate?.model ?? null;
  work.promptTokens = usage?.promptTokens ?? 0;
  work.completionTokens = usage?.completionTokens ?? 0;
}

const NOT_ANSWERED: Settlement = { outcome: 'failed', usage: null, upstreamModel: null };

/** An upstream that was cut short has not said what it used: its prompt was read, and an event is about a token. */
function settlementOf({ outcome, usage, candidate, events }: Forwarded, promptTokens: number): Settlement {
  if (candidate === null) return { outcome, usage: null, upstreamModel: null };
  const estimate: TokenUsage = { promptTokens, cachedTokens: 0, completionTokens: events };
  return { outcome, usage: usage ?? estimate, upstreamModel: candidate.model };
}

function bodyFor(
  { upstream, model }: Candidate,
  body: JsonBody,
  { addsUsage, keyId }: { readonly addsUsage: boolean; readonly keyId: string },
  options: ModelRoutesOptions,
): Uint8Array {
  const dialect = options.dialect(upstream.name);
  const own = body.value['cache_salt'];
  return bodyForUpstream(body, {
    model,
    asksForUsage: addsUsage && dialect.streamUsage,
    cacheSalt: dialect.cacheSalt ? options.cacheSalt(keyId, typeof own === 'string' ? own : '') : null,
  });
}

function asksForUsage(body: JsonObject): boolean {
  const options = body['stream_options'];
  return (
    typeof options === 'object' && options !== null && 'include_usage' in options && options.include_usage === true
  );
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
function answerHeaders({ tier, source }: RequestTier, upstreamClass: UpstreamClass): HeaderFields {
  return { 'x-sotto-tier': tier, 'x-sotto-tier-source': source, 'x-sotto-upstream-class': upstreamClass };
}
