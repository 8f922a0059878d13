import { randomBytes } from 'node:crypto';
import { apiError, type SecurityTier } from '@sotto/protocol';
import { onTestFinished } from 'vitest';
import type { z } from 'zod';
import type { Chatbot } from '../../src/chatbots/chatbot.ts';
import { ChatbotDirectory } from '../../src/chatbots/chatbot-directory.ts';
import { chatbotOf, chatbotSchema } from '../../src/chatbots/chatbot-schema.ts';
import { Conversations } from '../../src/chatbots/conversations.ts';
import { withLeastTier } from '../../src/chatbots/least-tier.ts';
import { chatbotRoutes } from '../../src/chatbots/routes.ts';
import { parseConfig } from '../../src/config/parse.ts';
import type { RouterConfigInput } from '../../src/config/schema.ts';
import { createUpstream } from '../../src/create-upstream.ts';
import { asApiError, sendError } from '../../src/http/answer.ts';
import { CollectingSink } from '../../src/http/collecting-sink.ts';
import type { ExchangeRequest, Handler, HeaderFields, ResponseSink, SealedBy } from '../../src/http/exchange.ts';
import { type Route, routeTable } from '../../src/http/route-table.ts';
import type { Admission } from '../../src/openai/admission.ts';
import { CHAT_COMPLETIONS } from '../../src/openai/chat-completions.ts';
import { answerModelRequest, type ModelRoutesOptions } from '../../src/openai/model-request.ts';
import { ModelDirectory } from '../../src/upstreams/model-directory.ts';
import { type MemoryConversations, memoryChatbots, memoryConversations } from './memory-stores.ts';

/** A chatbot as a test defines it. */
export type TestChatbot = Partial<z.input<typeof chatbotSchema>>;

/** What a key of a test may do beyond everything at standard. */
export interface TestKey {
  readonly models?: readonly string[];
  readonly defaultTier?: SecurityTier;
}

/** How a test asks. */
export interface Asking {
  readonly method?: string;
  /** Its API key; null: none. */
  readonly key?: string | null;
  readonly headers?: HeaderFields;
  readonly sealedBy?: SealedBy;
  readonly sealedTier?: SecurityTier | null;
  readonly sink?: ResponseSink;
}

/** An answer as a test reads it. */
export interface Told {
  readonly status: number;
  readonly headers: HeaderFields;
  readonly text: string;
  readonly complete: boolean;
  json(): Record<string, unknown>;
  /** The code of an error answer. */
  readonly code: unknown;
  readonly param: unknown;
}

/** Chatbots before the router's own chat completions and a stand-in of a model server. */
export interface ChatbotRouter {
  readonly rows: MemoryConversations['rows'];
  readonly store: MemoryConversations;
  readonly chatbots: ChatbotDirectory;
  readonly sealKey: Uint8Array;
  /** What an operator was told. */
  readonly reports: unknown[];
  /** Requests that were counted, by key. */
  readonly counted: string[];
  /** Unix time in milliseconds, as a test sets it. */
  clock: { nowMs: number };
  readonly routes: readonly Route[];
  ask(path: string, body?: unknown, asking?: Asking): Promise<Told>;
}

/** What a test may choose. */
export interface ChatbotRouterOptions {
  readonly upstreams: RouterConfigInput['upstreams'];
  readonly chatbots?: readonly TestChatbot[];
  readonly keys?: Readonly<Record<string, TestKey>>;
  readonly contextTokens?: number;
  /** Whether the model server is asked for the usage of streams. */
  readonly streamUsage?: boolean;
  readonly store?: MemoryConversations;
  readonly modelTiers?: Readonly<Record<string, SecurityTier>>;
}

/** The path of the chatbot that tests talk to, and what is below it. */
export const botPath = (below: string, id = 'bot'): string => `/api/v1/chatbot/external/${id}${below}`;

/** Makes a chatbot: `bot`, with the model `m`. */
export function testChatbot(chatbot: TestChatbot = {}): Chatbot {
  return chatbotOf(chatbotSchema.parse({ id: 'bot', name: 'Bot', model: 'm', systemPrompt: 'Be kind.', ...chatbot }));
}

/** Makes the routes for a test, whose end lets go of the upstreams. */
export async function chatbotRouter(options: ChatbotRouterOptions): Promise<ChatbotRouter> {
  const config = parseConfig({ auth: 'open', upstreams: options.upstreams });
  const entries = await Promise.all(config.upstreams.map((upstream) => createUpstream(upstream, {})));
  onTestFinished(async () => void (await Promise.all(entries.map(({ upstream }) => upstream.close()))));
  const store = options.store ?? memoryConversations();
  const clock = { nowMs: 1_700_000_000_000 };
  const now = (): number => clock.nowMs;
  const sealKey = new Uint8Array(randomBytes(32));
  const reports: unknown[] = [];
  const counted: string[] = [];
  const keys = new Map(Object.entries(options.keys ?? { a: {}, b: {} }));
  const authenticate = (request: ExchangeRequest): Admission => {
    const keyId = (request.headers['authorization'] ?? '').replace('Bearer ', '');
    const key = keys.get(keyId);
    if (key === undefined) throw apiError('invalid_api_key', 'the API key is not known here');
    return {
      keyId,
      defaultTier: key.defaultTier,
      allowsModel: (model) => key.models?.includes(model) ?? true,
      allowsTier: () => true,
      reserve: async () => ({ headers: { 'x-left': '1' }, settle: () => {} }),
    };
  };
  const admit = (exchange: { readonly request: ExchangeRequest; readonly sink: ResponseSink }): Admission => {
    const admission = authenticate(exchange.request);
    counted.push(admission.keyId);
    exchange.sink.preset({ 'x-counted': 'yes' });
    return admission;
  };
  const models: ModelRoutesOptions = {
    directory: new ModelDirectory(entries, () => ({})),
    admit,
    defaultTier: (model) => options.modelTiers?.[model],
    dialect: () => ({ streamUsage: options.streamUsage ?? false, cacheSalt: false }),
    cacheSalt: () => null,
    maxBodyBytes: 1_000_000,
    maxAnswerBytes: 4_000_000,
  };
  const chatbots = new ChatbotDirectory((options.chatbots ?? [{}]).map(testChatbot), memoryChatbots(store));
  const conversations = new Conversations({
    store,
    sealKey,
    defaultTtlSeconds: 3_600,
    now,
    onUnreadable: (error) => reports.push(error),
  });
  const routes = chatbotRoutes({
    chatbots,
    conversations,
    authenticate,
    admit,
    complete: (exchange, least, showing = { showsUsage: false }) =>
      answerModelRequest(
        exchange,
        { ...models, ...showing, admit: (inner) => withLeastTier(admit(inner), least) },
        CHAT_COMPLETIONS,
      ),
    maxBodyBytes: models.maxBodyBytes,
    contextTokens: () => options.contextTokens,
    now,
    report: (_id, error) => reports.push(error),
  });
  const table = routeTable(routes);
  const handle: Handler = async (exchange) => {
    try {
      await table(exchange);
    } catch (error) {
      const told = asApiError(error);
      if (told.code === 'internal_error') reports.push(error);
      sendError(exchange.sink, told);
    }
  };
  return { rows: store.rows, store, chatbots, sealKey, reports, counted, clock, routes, ask: asker(handle) };
}

function asker(handle: Handler): ChatbotRouter['ask'] {
  return async (path, body, asking = {}) => {
    const collected = new CollectingSink();
    const { key = 'a', headers = {}, sealedBy = null, sealedTier = null, sink = collected } = asking;
    const bytes = body instanceof Uint8Array ? body : Buffer.from(body === undefined ? '' : JSON.stringify(body));
    const request: ExchangeRequest = {
      method: asking.method ?? (body === undefined ? 'GET' : 'POST'),
      path,
      query: '',
      headers: { ...(key === null ? {} : { authorization: `Bearer ${key}` }), ...headers },
      sealedBy,
      sealedTier,
      body: async (maxBytes) => {
        if (bytes.length > maxBytes) throw apiError('payload_too_large', 'too large');
        return bytes;
      },
    };
    await handle({ id: 'req_test', request, sink });
    if (sink !== collected) collected.close();
    const { body: answer, ...rest } = await collected.answer;
    const text = Buffer.from(answer).toString('utf8');
    const json = (): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
    const error = (): Record<string, unknown> =>
      rest.status < 400 || text === '' ? {} : ((json()['error'] ?? {}) as Record<string, unknown>);
    return { ...rest, text, json, code: error()['code'], param: error()['param'] };
  };
}
