import { z } from 'zod';

const token = z.int('a whole number').min(0, 'a token is not negative');

/** A text, several texts, a text as tokens, or several of those: `prompt` of completions and `input` of embeddings. */
export function textSchema(whatIsNeeded: string) {
  const message = `${whatIsNeeded}: a string, a list of strings, a list of tokens, or a list of such lists`;
  return z.union(
    [z.string(), z.array(z.string()).min(1), z.array(token).min(1), z.array(z.array(token).min(1)).min(1)],
    message,
  );
}

/** Whether a value is plainly one or several texts. */
export function isText(value: unknown): boolean {
  if (typeof value === 'string') return true;
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string');
}

/** How many texts a value that the schema accepts holds. */
export function textsOf(value: unknown): number {
  return Array.isArray(value) && typeof value[0] !== 'number' ? value.length : 1;
}
