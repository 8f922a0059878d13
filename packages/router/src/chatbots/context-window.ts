import { Buffer } from 'node:buffer';
import type { Chatbot } from './chatbot.ts';
import type { Turn } from './history.ts';

/** For models whose window the configuration does not name: few have a shorter one. */
export const DEFAULT_CONTEXT_TOKENS = 8_192;
/** Of UTF-8. English has four to five a token, most other scripts three; fewer would be rare. */
const BYTES_PER_TOKEN = 3;
/** Role and separators of a message in a model's template. */
const TOKENS_PER_MESSAGE = 8;
const DEFAULT_ANSWER_TOKENS = 1_024;

/**
 * The newest turns that fit a model's window beside the system prompt, the new message and the answer. Whole turns
 * are left out, the oldest first. Tokens are estimated, rather too many than too few: only the model can count them.
 * @param contextTokens undefined: {@link DEFAULT_CONTEXT_TOKENS}
 */
export function turnsInWindow(
  turns: readonly Turn[],
  message: string,
  { systemPrompt, parameters }: Pick<Chatbot, 'systemPrompt' | 'parameters'>,
  contextTokens = DEFAULT_CONTEXT_TOKENS,
): readonly Turn[] {
  let left = contextTokens - answerTokens(parameters, contextTokens) - estimate(systemPrompt) - estimate(message);
  let from = turns.length;
  for (; from > 0; from--) {
    const turn = turns[from - 1];
    if (turn === undefined) break;
    left -= estimate(turn.message) + estimate(turn.answer);
    if (left < 0) break;
  }
  return turns.slice(from);
}

function estimate(text: string): number {
  return TOKENS_PER_MESSAGE + Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
}

/** What the operator lets an answer have, else a quarter of a small window and 1,024 tokens of a large one. */
function answerTokens(parameters: Chatbot['parameters'], contextTokens: number): number {
  const most = parameters['max_completion_tokens'] ?? parameters['max_tokens'];
  if (typeof most === 'number' && Number.isSafeInteger(most) && most > 0) return most;
  return Math.min(DEFAULT_ANSWER_TOKENS, Math.floor(contextTokens / 4));
}
