/** A conversation as it is stored: what was said is sealed, and the store has no key to it. */
export interface StoredConversation {
  /** Random, 128 bits at least. */
  readonly id: string;
  readonly chatbotId: string;
  /** The virtual key that made it: no other may read it. */
  readonly keyId: string;
  /** 1 when it is made, and one more with each turn. */
  readonly version: number;
  /** AES-256-GCM over the history. */
  readonly sealed: Uint8Array;
  readonly expiresAtMs: number;
}

/** Where conversations are kept, until they expire or are deleted. */
export interface ConversationStore {
  /** @returns null where there is none, or it has expired */
  get(id: string, nowMs: number): Promise<StoredConversation | null>;
  /**
   * Writes a new one (version 1), or the next version of the one that is there.
   * @returns false where another turn was written in between, and nothing was changed
   */
  save(conversation: StoredConversation): Promise<boolean>;
  /** @returns whether there was one */
  delete(id: string): Promise<boolean>;
  /** Deletes what expired before `nowMs`, `limit` at most. @returns how many */
  deleteExpired(nowMs: number, limit: number): Promise<number>;
}
