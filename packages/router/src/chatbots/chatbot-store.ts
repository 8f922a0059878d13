import type { Chatbot } from './chatbot.ts';

/** Where chatbots that were made at run time are kept; those of the configuration are not among them. */
export interface ChatbotStore {
  /** In the order of their ids. */
  list(): Promise<readonly Chatbot[]>;
  get(id: string): Promise<Chatbot | null>;
  /** Makes or replaces one. */
  put(chatbot: Chatbot): Promise<void>;
  /** Deletes one, and all of its conversations. @returns whether there was one */
  delete(id: string): Promise<boolean>;
}
