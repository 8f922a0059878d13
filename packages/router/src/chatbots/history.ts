import { Buffer } from 'node:buffer';
import { apiError, type SecurityTier, tierAtLeast } from '@sotto/protocol';

/** A message and its answer: a conversation grows by whole turns. */
export interface Turn {
  readonly message: string;
  readonly answer: string;
}

/** What was said in a conversation. */
export interface History {
  /** The highest tier that a turn was answered at: none that follows goes to a quieter one. */
  readonly tier: SecurityTier;
  /** The oldest first. */
  readonly turns: readonly Turn[];
}

/** A conversation before its first turn. */
export const NO_HISTORY: History = { tier: 'standard', turns: [] };

const MAX_TURNS = 500;
/** Longest history as JSON in UTF-8. */
export const MAX_HISTORY_BYTES = 1_048_576;
const MEMBER_BYTES = 64;

/**
 * Adds a turn. The oldest turns make room for it where the history would be longer than is kept.
 * @throws ServerError `upstream_invalid_response` where this one turn is longer than that
 */
export function withTurn({ tier, turns }: History, turn: Turn, answeredAt: SecurityTier): History {
  const all = [...turns, turn];
  let from = all.length;
  let bytes = MEMBER_BYTES;
  while (from > 0 && all.length - from < MAX_TURNS) {
    bytes += Buffer.byteLength(JSON.stringify(all[from - 1])) + 1;
    if (bytes > MAX_HISTORY_BYTES) break;
    from--;
  }
  if (from === all.length) {
    throw apiError('upstream_invalid_response', 'message and answer are longer than a conversation may be');
  }
  return { tier: tierAtLeast(tier, answeredAt) ? tier : answeredAt, turns: all.slice(from) };
}

/** A message as the chat request has it. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** The turns as messages. */
export function messagesOf(turns: readonly Turn[]): readonly ChatMessage[] {
  return turns.flatMap(({ message, answer }): readonly ChatMessage[] => [
    { role: 'user', content: message },
    { role: 'assistant', content: answer },
  ]);
}
