import { Buffer } from 'node:buffer';
import { apiError, type SecurityTier } from '@sotto/protocol';
import { withLeastTier } from './chatbots/least-tier.ts';
import { chatbotRoutes } from './chatbots/routes.ts';
import type { RouterConfig } from './config/schema.ts';
import type { Exchange, ExchangeRequest } from './http/exchange.ts';
import { alsoBelow, type Route } from './http/route-table.ts';
import type { Records } from './open-records.ts';
import type { Admission } from './openai/admission.ts';
import { cacheSalts } from './openai/cache-salt.ts';
import { CHAT_COMPLETIONS, chatCompletionRoutes } from './openai/chat-completions.ts';
import { completionRoutes } from './openai/completions.ts';
import { embeddingRoutes } from './openai/embeddings.ts';
import { answerModelRequest, type ModelRoutesOptions } from './openai/model-request.ts';
import { modelRoutes } from './openai/models.ts';
import { upstreamDialects } from './upstream-dialects.ts';
import type { ModelDirectory } from './upstreams/model-directory.ts';
import { allowsModel, allowsTier, type Caller } from './virtual-keys/key-ring.ts';

/** What the routes of models and chatbots are joined from. */
export interface ModelApiParts {
  readonly config: RouterConfig;
  readonly records: Records;
  readonly directory: ModelDirectory;
  readonly report: (requestId: string, error: unknown) => void;
}

/** The routes that an API key opens, in clear and sealed: models below `/v1` and `/api/v1`, chatbots below the latter. */
export function modelApi({ config, records, directory, report }: ModelApiParts): readonly Route[] {
  const { keyRing, accounting, chatbots, conversations, aliases } = records;
  const clearIsOpen = config.protocols.includes('clear');
  const settingsOf = (model: string): RouterConfig['models'][string] | undefined =>
    Object.hasOwn(config.models, model) ? config.models[model] : undefined;

  const callerOf = (request: ExchangeRequest): Caller => {
    if (!clearIsOpen && request.sealedBy === null) {
      throw apiError('sealed_request_required', 'this router takes encrypted requests only');
    }
    return keyRing.authenticate(request.headers);
  };

  const admit = async ({ request, sink, notes }: Exchange): Promise<Admission> => {
    const caller = callerOf(request);
    if (notes !== undefined) notes.keyId = caller.id;
    sink.preset(await accounting.admitRequest(caller));
    return {
      keyId: caller.id,
      defaultTier: caller.defaultTier,
      allowsModel: (model) => allowsModel(caller, model),
      allowsTier: (tier) => allowsTier(caller, tier),
      reserve: (work) => accounting.reserve(caller, work),
    };
  };

  const models: ModelRoutesOptions = {
    directory,
    admit,
    defaultTier: (model) => settingsOf(model)?.defaultTier,
    dialect: upstreamDialects(config),
    // Whom a router lets in without a key it cannot tell apart.
    cacheSalt:
      config.auth === 'open'
        ? () => null
        : cacheSalts(Buffer.from(records.derive('sotto/cache-salt/v1')).toString('hex')),
    maxBodyBytes: config.limits.bodyBytes,
    maxAnswerBytes: config.limits.answerBytes,
  };

  /** Of an alias, the smallest window among its models: any of them may answer. */
  const contextTokens = (model: string): number | undefined => {
    const targets = Object.hasOwn(aliases.current, model) ? (aliases.current[model] ?? []) : [];
    const windows = [model, ...targets].flatMap((name) => settingsOf(name)?.contextTokens ?? []);
    return windows.length === 0 ? undefined : Math.min(...windows);
  };

  return [
    ...alsoBelow('/api', [
      ...chatCompletionRoutes(models),
      ...completionRoutes(models),
      ...embeddingRoutes(models),
      ...modelRoutes(models),
    ]),
    ...chatbotRoutes({
      chatbots,
      conversations,
      authenticate: (request) => {
        const caller = callerOf(request);
        return { keyId: caller.id, allowsModel: (model) => allowsModel(caller, model) };
      },
      admit,
      complete: (exchange: Exchange, least: SecurityTier | undefined, showing = { showsUsage: false }) =>
        answerModelRequest(
          exchange,
          { ...models, ...showing, admit: async (inner) => withLeastTier(await admit(inner), least) },
          CHAT_COMPLETIONS,
        ),
      maxBodyBytes: config.limits.bodyBytes,
      contextTokens,
      now: Date.now,
      report,
    }),
  ];
}
