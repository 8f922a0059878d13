import { randomUUID } from 'node:crypto';
import type { GenerationEnd } from './generate.ts';

/** OpenAI's `usage` object. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** The JSON of one route's answers; the object of each event of a stream, or the one object of an answer at once. */
export interface AnswerFormat {
  /** The answer at once. */
  whole(text: string, end: GenerationEnd, usage: Usage): object;
  /** The event before any text, or null where the route has none. */
  first(): object | null;
  /** The event of a piece of text. */
  piece(text: string): object;
  /** The event after all text. */
  last(end: GenerationEnd): object;
  /** The event that counts the tokens, for callers who ask for it. */
  usage(usage: Usage): object;
}

interface Named {
  readonly model: string;
  /** Unix time, seconds. */
  readonly created: number;
  /** Whether the events before the one that counts say that they do not. */
  readonly includeUsage: boolean;
}

/** OpenAI's API reference: the chat completion object and the chat completion chunk object. */
export function chatAnswer({ model, created, includeUsage }: Named): AnswerFormat {
  const shared = { id: newId('chatcmpl'), created, model };
  const event = (delta: object, finishReason: string | null) => ({
    ...shared,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
    ...(includeUsage ? { usage: null } : {}),
  });
  return {
    whole: (text, end, usage) => ({
      ...shared,
      object: 'chat.completion',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: text, refusal: null },
          logprobs: null,
          finish_reason: end.finishReason,
        },
      ],
      usage,
    }),
    first: () => event({ role: 'assistant', content: '' }, null),
    piece: (text) => event({ content: text }, null),
    last: (end) => event({}, end.finishReason),
    usage: (usage) => ({ ...shared, object: 'chat.completion.chunk', choices: [], usage }),
  };
}

/** OpenAI's API reference, legacy: the completion object. */
export function completionAnswer({ model, created, includeUsage }: Named, echo: string | null): AnswerFormat {
  const shared = { id: newId('cmpl'), object: 'text_completion', created, model };
  const choices = (text: string, finishReason: string | null) => [
    { index: 0, text, logprobs: null, finish_reason: finishReason },
  ];
  const event = (text: string, finishReason: string | null) => ({
    ...shared,
    choices: choices(text, finishReason),
    ...(includeUsage ? { usage: null } : {}),
  });
  return {
    whole: (text, end, usage) => ({ ...shared, choices: choices(`${echo ?? ''}${text}`, end.finishReason), usage }),
    first: () => (echo === null ? null : event(echo, null)),
    piece: (text) => event(text, null),
    last: (end) => event('', end.finishReason),
    usage: (usage) => ({ ...shared, choices: [], usage }),
  };
}

function newId(kind: string): string {
  return `${kind}-${randomUUID().replaceAll('-', '')}`;
}
