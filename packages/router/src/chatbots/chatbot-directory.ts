import { apiError } from '@sotto/protocol';
import type { Chatbot } from './chatbot.ts';
import type { ChatbotStore } from './chatbot-store.ts';

/** Chatbots that are held in memory. */
const MAX_CHATBOTS = 1_000;

/** All chatbots, in memory: those of the configuration, which nothing else changes, and those of the store. */
export class ChatbotDirectory {
  #configured: ReadonlyMap<string, Chatbot>;
  readonly #store: ChatbotStore;
  readonly #announce: () => void;
  #stored: ReadonlyMap<string, Chatbot> = new Map();

  /**
   * Knows the configured ones; {@link ChatbotDirectory.reload} brings those of the store.
   * @param announce tells the other processes that the store's chatbots have changed
   */
  constructor(configured: readonly Chatbot[], store: ChatbotStore, announce: () => void = () => {}) {
    this.#configured = byId(configured);
    this.#store = store;
    this.#announce = announce;
  }

  /** In the order of their ids. Of two with one id, the configuration's. */
  list(): readonly Chatbot[] {
    const all = new Map([...this.#stored, ...this.#configured]);
    return [...all.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  get(id: string): Chatbot | null {
    return this.#configured.get(id) ?? this.#stored.get(id) ?? null;
  }

  /** Replaces those of the configuration. */
  configure(configured: readonly Chatbot[]): void {
    this.#configured = byId(configured);
  }

  /** Whether the configuration defines it: such a one is not changed at run time. */
  isConfigured(id: string): boolean {
    return this.#configured.has(id);
  }

  /**
   * Makes or replaces one.
   * @throws APIError `already_exists` where the configuration defines one with this id
   * @throws InvalidRequestError `invalid_request` where there are as many as there may be
   */
  async put(chatbot: Chatbot): Promise<void> {
    this.#refuseConfigured(chatbot.id);
    if (!this.#stored.has(chatbot.id) && this.#stored.size >= MAX_CHATBOTS) {
      throw apiError('invalid_request', `there are ${MAX_CHATBOTS} chatbots already: delete one first`);
    }
    await this.#store.put(chatbot);
    this.#stored = new Map(this.#stored).set(chatbot.id, chatbot);
    this.#announce();
  }

  /**
   * Deletes one and all of its conversations.
   * @returns whether there was one
   * @throws APIError `already_exists` where the configuration defines it
   */
  async delete(id: string): Promise<boolean> {
    this.#refuseConfigured(id);
    const deleted = await this.#store.delete(id);
    const rest = new Map(this.#stored);
    rest.delete(id);
    this.#stored = rest;
    if (deleted) this.#announce();
    return deleted;
  }

  /** Reads the store anew: at start, and when another process has changed it. */
  async reload(): Promise<void> {
    this.#stored = byId(await this.#store.list());
  }

  #refuseConfigured(id: string): void {
    if (!this.#configured.has(id)) return;
    throw apiError('already_exists', 'the configuration defines this chatbot: change it there', { param: 'id' });
  }
}

function byId(chatbots: readonly Chatbot[]): ReadonlyMap<string, Chatbot> {
  return new Map(chatbots.map((chatbot) => [chatbot.id, chatbot]));
}
