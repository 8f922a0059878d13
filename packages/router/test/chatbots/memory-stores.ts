import type { Chatbot } from '../../src/chatbots/chatbot.ts';
import type { ChatbotStore } from '../../src/chatbots/chatbot-store.ts';
import type { ConversationStore, StoredConversation } from '../../src/chatbots/conversation-store.ts';

/** Conversations in memory, with their rows open to a test that plays the database's owner. */
export interface MemoryConversations extends ConversationStore {
  readonly rows: Map<string, StoredConversation>;
}

/** Makes a store of conversations in memory. */
export function memoryConversations(): MemoryConversations {
  const rows = new Map<string, StoredConversation>();
  const store: ConversationStore = {
    get: async (id, nowMs) => {
      const row = rows.get(id);
      return row === undefined || row.expiresAtMs <= nowMs ? null : row;
    },
    save: async (conversation) => {
      if ((rows.get(conversation.id)?.version ?? 0) !== conversation.version - 1) return false;
      rows.set(conversation.id, conversation);
      return true;
    },
    delete: async (id) => rows.delete(id),
    deleteExpired: async (nowMs, limit) => {
      const expired = [...rows.values()].filter(({ expiresAtMs }) => expiresAtMs <= nowMs).slice(0, limit);
      for (const { id } of expired) rows.delete(id);
      return expired.length;
    },
  };
  return { rows, ...store };
}

/** Makes a store of chatbots in memory, whose deletions reach `conversations`. */
export function memoryChatbots({ rows }: MemoryConversations): ChatbotStore {
  const chatbots = new Map<string, Chatbot>();
  return {
    list: async () => [...chatbots.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    get: async (id) => chatbots.get(id) ?? null,
    put: async (chatbot) => void chatbots.set(chatbot.id, chatbot),
    delete: async (id) => {
      for (const row of [...rows.values()]) if (row.chatbotId === id) rows.delete(row.id);
      return chatbots.delete(id);
    },
  };
}
