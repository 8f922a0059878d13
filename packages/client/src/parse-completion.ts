import { SecurityError } from '@sotto/protocol';
import type { ChatCompletion } from './chat-completion.ts';
import { isObject } from './json-object.ts';

/**
 * Checks that an opened answer has a completion's shape: a list of choices, each with a message. What
 * {@link ChatCompletion} calls optional is the upstream's business and stays as it came.
 * @throws SecurityError `invalid_response`
 */
export function parseCompletion(answer: Readonly<Record<string, unknown>>): ChatCompletion {
  if (isCompletion(answer)) return answer;
  throw new SecurityError('the sealed answer is not a chat completion', { code: 'invalid_response' });
}

function isCompletion(answer: Readonly<Record<string, unknown>>): answer is ChatCompletion {
  const { choices, _metadata: metadata } = answer;
  return isObject(metadata) && Array.isArray(choices) && choices.every(hasMessage);
}

function hasMessage(choice: unknown): boolean {
  return isObject(choice) && isObject(choice['message']);
}
