import { apiError } from '@sotto/protocol';
import { z } from 'zod';
import { contentBlocks, contentSchema, textBlocks } from './content-blocks.ts';
import type { ContentBlock, TextBlock, ThinkingBlock, ToolResultBlock, ToolUseBlock, Turn } from './messages-api.ts';

const toolCall = z.object({
  id: z.string().min(1),
  type: z.literal('function').optional(),
  function: z.object({ name: z.string().min(1), arguments: z.string() }),
});
type ToolCall = z.output<typeof toolCall>;

const thinkingBlock = z.discriminatedUnion('type', [
  z.object({ type: z.literal('thinking'), thinking: z.string(), signature: z.string() }),
  z.object({ type: z.literal('redacted_thinking'), data: z.string() }),
]);

/** A message of OpenAI's form (API reference, "Create chat completion"). */
export const messageSchema = z.discriminatedUnion(
  'role',
  [
    z.object({ role: z.enum(['system', 'developer', 'user']), content: contentSchema }),
    z.object({
      role: z.literal('assistant'),
      content: contentSchema,
      tool_calls: z.array(toolCall).nullish(),
      thinking_blocks: z.array(thinkingBlock).nullish(),
      function_call: z.null('give tool_calls instead').optional(),
    }),
    z.object({ role: z.literal('tool'), content: contentSchema, tool_call_id: z.string().min(1) }),
  ],
  'system, developer, user, assistant or tool',
);
/** See {@link messageSchema}. */
export type Message = z.output<typeof messageSchema>;
type AssistantMessage = Extract<Message, { role: 'assistant' }>;

/** A conversation as the Messages API takes it. */
export interface Conversation {
  /** What system and developer messages say, wherever they stand. */
  readonly system: readonly TextBlock[];
  /** Alternating. */
  readonly turns: readonly Turn[];
}

/**
 * Makes turns of messages: consecutive messages of one side become one turn, tool results the user's.
 * @throws InvalidRequestError `invalid_request` with the field in `param`
 */
export function readConversation(messages: readonly Message[]): Conversation {
  const system: TextBlock[] = [];
  const turns: { role: Turn['role']; content: ContentBlock[] }[] = [];
  messages.forEach((message, index) => {
    const at = `messages[${index}]`;
    if (message.role === 'system' || message.role === 'developer') {
      system.push(...textBlocks(message.content, `${at}.content`));
      return;
    }
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    const content = blocksOf(message, at);
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...content);
    else if (content.length > 0) turns.push({ role, content: [...content] });
  });
  if (turns.length === 0) {
    throw apiError('invalid_request', 'messages: at least one must say something and not be the system’s', {
      param: 'messages',
    });
  }
  return { system, turns: turns.map(({ role, content }) => ({ role, content: inOrder(content) })) };
}

function blocksOf(message: Exclude<Message, { role: 'system' }>, at: string): readonly ContentBlock[] {
  switch (message.role) {
    case 'tool':
      return [toolResult(message.tool_call_id, contentBlocks(message.content, `${at}.content`))];
    case 'assistant':
      return assistantBlocks(message, at);
    default:
      return contentBlocks(message.content, `${at}.content`);
  }
}

function assistantBlocks(message: AssistantMessage, at: string): readonly ContentBlock[] {
  const thinking: readonly ThinkingBlock[] = message.thinking_blocks ?? [];
  const calls = (message.tool_calls ?? []).map((call, index) => toolUse(call, `${at}.tool_calls[${index}]`));
  return [...thinking, ...textBlocks(message.content, `${at}.content`), ...calls];
}

function toolUse({ id, function: { name, arguments: text } }: ToolCall, at: string): ToolUseBlock {
  const input = readArguments(text);
  if (input === null) {
    const param = `${at}.function.arguments`;
    throw apiError('invalid_request', `${param}: must be the JSON of an object`, { param });
  }
  return { type: 'tool_use', id: toolId(id), name, input };
}

/** Calls of tools without parameters come with an empty text too. */
function readArguments(text: string): object | null {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    // The parser's own message quotes the text: it stays here.
    return null;
  }
}

function toolResult(id: string, content: readonly ContentBlock[]): ToolResultBlock {
  return { type: 'tool_result', tool_use_id: toolId(id), ...(content.length === 0 ? {} : { content }) };
}

/** The API takes letters, digits, `_` and `-` in ids; other model servers, whose calls a conversation may hold, write more. */
function toolId(id: string): string {
  return id.replaceAll(/[^a-zA-Z0-9_-]/g, '_');
}

/**
 * Tool results come before whatever else the user says, tool calls after whatever else the assistant does: the API
 * takes no other order (tool use guide, "Handle tool calls").
 */
function inOrder(content: readonly ContentBlock[]): readonly ContentBlock[] {
  const rank = ({ type }: ContentBlock): number => (type === 'tool_result' ? 0 : type === 'tool_use' ? 2 : 1);
  return [...content].sort((a, b) => rank(a) - rank(b));
}
