/** Tokens of one request, as its upstream reported them. */
export interface TokenUsage {
  readonly promptTokens: number;
  /** Of the prompt's, those read from the upstream's cache. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

/**
 * Reads the `usage` member of an answer, in OpenAI's form.
 * @returns null where it is none; a count that is no whole number from 0 to 2^53 is taken for 0
 */
export function readTokenUsage(value: unknown): TokenUsage | null {
  if (typeof value !== 'object' || value === null) return null;
  const usage = value as Readonly<Record<string, unknown>>;
  if (usage['prompt_tokens'] === undefined && usage['completion_tokens'] === undefined) return null;
  const details = usage['prompt_tokens_details'];
  const promptTokens = count(usage['prompt_tokens']);
  const cached =
    typeof details === 'object' && details !== null && 'cached_tokens' in details ? details.cached_tokens : 0;
  return {
    promptTokens,
    cachedTokens: Math.min(count(cached), promptTokens),
    completionTokens: count(usage['completion_tokens']),
  };
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
