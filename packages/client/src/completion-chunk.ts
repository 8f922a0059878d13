import type {
  ChatCompletion,
  ChatCompletionChunk,
  CompletionChoice,
  CompletionChunkChoice,
  ToolCall,
} from './chat-completion.ts';

/**
 * A whole answer as the one chunk of a stream: `delta` holds what a stream would have brought in pieces, for code
 * written for streams, and `message` stays, for code written for NOMYO's clients.
 */
export function chunkOfCompletion(completion: ChatCompletion): ChatCompletionChunk {
  return { ...completion, object: 'chat.completion.chunk', choices: completion.choices.map(chunkChoice) };
}

function chunkChoice(choice: CompletionChoice, position: number): CompletionChunkChoice {
  const { tool_calls: toolCalls, ...rest } = choice.message;
  const delta = isList(toolCalls)
    ? { ...rest, tool_calls: toolCalls.map((call, index) => ({ ...call, index })) }
    : rest;
  return { ...choice, index: choice.index ?? position, delta, finish_reason: choice.finish_reason ?? null };
}

/** The type promises a list, but an upstream wrote it: some write null. */
function isList(calls: CompletionChoice['message']['tool_calls']): calls is readonly ToolCall[] {
  return Array.isArray(calls);
}
