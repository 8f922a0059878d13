import type { ChatbotStore } from '../chatbots/chatbot-store.ts';
import type { ConversationStore } from '../chatbots/conversation-store.ts';
import type { AliasStore } from '../upstreams/alias-store.ts';
import type { UsageStore } from '../usage/usage-store.ts';
import type { KeyStore } from '../virtual-keys/key-store.ts';

/**
 * Everything the router keeps beyond its own life. Each feature declares its part; an implementation brings them all.
 * Any method may throw ServiceUnavailableError `store_unavailable` while the database is away.
 */
export interface Store {
  /** `sqlite` also for one in memory. */
  readonly kind: 'sqlite' | 'postgres';
  /** False where it ends with the process. */
  readonly lasting: boolean;
  readonly keys: KeyStore;
  readonly aliases: AliasStore;
  readonly chatbots: ChatbotStore;
  readonly conversations: ConversationStore;
  readonly usage: UsageStore;
  /** Whether it answers now. @throws ServiceUnavailableError `store_unavailable` */
  ping(): Promise<void>;
  close(): Promise<void>;
}
