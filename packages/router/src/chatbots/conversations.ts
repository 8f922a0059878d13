import { randomBytes } from 'node:crypto';
import { apiError, type SecurityTier } from '@sotto/protocol';
import type { Chatbot } from './chatbot.ts';
import type { ConversationStore } from './conversation-store.ts';
import { type History, NO_HISTORY, type Turn, withTurn } from './history.ts';
import { openHistory, sealHistory } from './sealed-history.ts';

/** What conversations need of the rest of the router. */
export interface ConversationsOptions {
  readonly store: ConversationStore;
  /** 32 bytes that the store's owner does not have. */
  readonly sealKey: Uint8Array;
  /** For chatbots that name no time of their own. */
  readonly defaultTtlSeconds: number;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Told where a stored conversation does not open: somebody changed it, or the key is another one. */
  readonly onUnreadable: (error: unknown) => void;
}

/** A conversation, open. */
export interface Conversation {
  readonly id: string;
  readonly chatbotId: string;
  readonly keyId: string;
  /** 0 before the first turn is kept. */
  readonly version: number;
  readonly history: History;
  /** Unix time in milliseconds. */
  readonly expiresAtMs: number;
}

/** Whose a conversation is: one chatbot's, with one virtual key. */
export type ConversationOwner = Pick<Conversation, 'chatbotId' | 'keyId'>;

/** 192 bits: nobody finds another's by trying. */
const ID_BYTES = 24;
const ID = /^conv_[A-Za-z0-9_-]{32}$/;
/** Each failure means that another turn was kept meanwhile. */
const MAX_SAVES = 16;

/** Conversations, sealed where they are kept. */
export class Conversations {
  readonly #options: ConversationsOptions;

  constructor(options: ConversationsOptions) {
    this.#options = options;
  }

  /** A new one; nothing is kept of it before its first turn. */
  begin({ chatbotId, keyId }: ConversationOwner): Conversation {
    const id = `conv_${randomBytes(ID_BYTES).toString('base64url')}`;
    return { id, chatbotId, keyId, version: 0, history: NO_HISTORY, expiresAtMs: this.#options.now() };
  }

  /** @returns null where there is none, it has expired, is another's, or does not open: which of them is not told */
  async open({ chatbotId, keyId }: ConversationOwner, id: string): Promise<Conversation | null> {
    if (!ID.test(id)) return null;
    const { store, sealKey, now, onUnreadable } = this.#options;
    const stored = await store.get(id, now());
    if (stored === null || stored.expiresAtMs <= now()) return null;
    const { sealed, ...binding } = stored;
    if (binding.id !== id || binding.chatbotId !== chatbotId || binding.keyId !== keyId) return null;
    try {
      return { ...binding, history: openHistory(sealKey, binding, sealed) };
    } catch (error) {
      onUnreadable(error);
      return null;
    }
  }

  /**
   * Keeps a turn. Where another turn was kept since the conversation was opened, this one follows it: none is lost.
   * @throws NotFoundError `conversation_not_found` where it was deleted meanwhile
   * @throws ServiceUnavailableError `overloaded` where too many are written at once
   * @throws ServerError `upstream_invalid_response` where the turn is too long to be kept
   */
  async append(
    { ttlSeconds }: Pick<Chatbot, 'ttlSeconds'>,
    conversation: Conversation,
    { turn, tier }: { readonly turn: Turn; readonly tier: SecurityTier },
  ): Promise<Conversation> {
    const { store, sealKey, now, defaultTtlSeconds } = this.#options;
    let current = conversation;
    for (let saves = 0; saves < MAX_SAVES; saves++) {
      const { id, chatbotId, keyId } = current;
      const expiresAtMs = now() + (ttlSeconds ?? defaultTtlSeconds) * 1_000;
      const binding = { id, chatbotId, keyId, version: current.version + 1, expiresAtMs };
      const history = withTurn(current.history, turn, tier);
      const saved = await store.save({ ...binding, sealed: sealHistory(sealKey, binding, history) });
      if (saved) return { ...binding, history };
      const latest = await this.open(current, id);
      if (latest === null) throw conversationNotFound();
      current = latest;
    }
    throw apiError('overloaded', 'too many messages to this conversation at once: send them one after another', {
      retryAfterMs: 1_000,
    });
  }

  /** @returns whether there was one that this owner may delete */
  async delete(owner: ConversationOwner, id: string): Promise<boolean> {
    if (!ID.test(id)) return false;
    const { store, now } = this.#options;
    const stored = await store.get(id, now());
    // Not opened: one that no longer opens can still be deleted.
    if (stored === null || stored.chatbotId !== owner.chatbotId || stored.keyId !== owner.keyId) return false;
    return store.delete(id);
  }
}

/** The one answer for a conversation that never was, has expired, or is another's. */
export function conversationNotFound(): Error {
  return apiError('conversation_not_found', 'there is no such conversation: leave conversation_id out to begin one', {
    param: 'conversation_id',
  });
}
