import type { SecurityTier } from '@sotto/protocol';
import type { Exchange, ExchangeRequest } from '../http/exchange.ts';
import type { Admission } from '../openai/admission.ts';
import type { ChatbotDirectory } from './chatbot-directory.ts';
import type { Conversations } from './conversations.ts';

/** Whoever sent a request. */
export type ChatbotCaller = Pick<Admission, 'keyId' | 'allowsModel'>;

/** What the chatbots need of the rest of the router. */
export interface ChatbotRoutesOptions {
  readonly chatbots: Pick<ChatbotDirectory, 'list' | 'get'>;
  readonly conversations: Conversations;
  /**
   * Finds out who sends a request and counts nothing: the request goes on to {@link ChatbotRoutesOptions.complete},
   * which counts it.
   * @throws AuthenticationError
   */
  readonly authenticate: (request: ExchangeRequest) => ChatbotCaller;
  /** Finds out who sends a request and counts it. @throws AuthenticationError, RateLimitError */
  readonly admit: (exchange: Exchange) => Promise<ChatbotCaller> | ChatbotCaller;
  /**
   * Answers `POST /v1/chat/completions` as it would for any caller. A request that names no tier has `leastTier` at
   * least, whatever its key's and its model's defaults are. With `showsUsage` a stream tells its usage unasked, where
   * the model server does.
   */
  readonly complete: (
    exchange: Exchange,
    leastTier: SecurityTier | undefined,
    options?: { readonly showsUsage: boolean },
  ) => Promise<void>;
  readonly maxBodyBytes: number;
  /** A model's window, where the configuration names it. */
  readonly contextTokens: (model: string) => number | undefined;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Told of what fails once an answer has begun, with the request's id. */
  readonly report: (requestId: string, error: unknown) => void;
}
