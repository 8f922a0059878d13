import type { JsonObject } from '../http/json-object.ts';

/** Bytes of JSON that make about one token of a prompt. */
const BYTES_PER_TOKEN = 4;
/** Shorter bodies hold no image worth looking for. */
const PLAIN_TEXT_BYTES = 16_384;
/** About what models count for a picture of middling size; in base64 it is thousands of times as long. */
const TOKENS_PER_IMAGE = 1_000;
const DATA_URL = /^data:[\w.+-]+\/[\w.+-]+[;,]/;

/** About how many tokens a request's prompt has: what is set aside until its upstream tells. */
export function estimatePromptTokens(body: JsonObject, bytes: number): number {
  if (bytes <= PLAIN_TEXT_BYTES) return Math.ceil(bytes / BYTES_PER_TOKEN);
  let images = 0;
  let characters = 0;
  const waiting: unknown[] = [body];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (typeof value === 'string') {
      if (DATA_URL.test(value)) images++;
      else characters += value.length;
    } else if (typeof value === 'number') {
      // A prompt given as tokens.
      characters += BYTES_PER_TOKEN;
    } else if (typeof value === 'object' && value !== null) {
      for (const each of Object.values(value)) waiting.push(each ?? false);
    }
  }
  return Math.ceil(characters / BYTES_PER_TOKEN) + images * TOKENS_PER_IMAGE;
}
