import type { Buffer } from 'node:buffer';
import { editJsonObject, type MemberEdits } from '../http/json-members.ts';
import { type JsonObject, writeJsonObject } from '../http/json-object.ts';
import type { Chatbot } from './chatbot.ts';
import { type ChatMessage, messagesOf, type Turn } from './history.ts';

/** A member and the newer name of the same: a chatbot that sets one of them sets both. */
const SAME_MEANING: Readonly<Record<string, string>> = {
  max_tokens: 'max_completion_tokens',
  max_completion_tokens: 'max_tokens',
};

/** What a message becomes part of. */
export interface Prompt {
  readonly chatbot: Chatbot;
  readonly turns: readonly Turn[];
  readonly message: string;
  readonly stream: boolean;
  /** `security_tier`, where the request names it. */
  readonly tierField: string | null;
}

/** The chat request for a message to a chatbot. */
export function promptBody({ chatbot, turns, message, stream, tierField }: Prompt): Buffer {
  const messages: readonly ChatMessage[] = [
    ...systemMessages(chatbot),
    ...messagesOf(turns),
    { role: 'user', content: message },
  ];
  return writeJsonObject({
    ...chatbot.parameters,
    model: chatbot.model,
    messages,
    ...(stream ? { stream } : {}),
    ...(tierField === null ? {} : { security_tier: tierField }),
  });
}

/**
 * A caller's chat request as a chatbot's: its model, its system prompt before their messages, its parameters instead
 * of theirs. Everything else keeps its bytes.
 * @throws InvalidRequestError `invalid_json` where the messages are nested too deeply
 */
export function completionBody(
  chatbot: Chatbot,
  { bytes, value }: { readonly bytes: Uint8Array; readonly value: JsonObject },
  tierField: string | null,
): Buffer {
  const edits: MemberEdits = {
    ...parameterEdits(chatbot.parameters),
    ...messageEdits(chatbot, value['messages']),
    ...(tierField === null ? {} : { security_tier: JSON.stringify(tierField) }),
    model: JSON.stringify(chatbot.model),
  };
  return editJsonObject(bytes, { ...twinEdits(value, ['messages', ...Object.keys(edits)]), ...edits });
}

/**
 * Takes out what a careless reader would take for one of `names`: model servers written in Go read "Messages" as
 * "messages", and the system prompt would be gone.
 */
function twinEdits(body: JsonObject, names: readonly string[]): MemberEdits {
  const twins = Object.keys(body).filter((name) => !names.includes(name) && names.includes(folded(name)));
  return Object.fromEntries(twins.map((name) => [name, null]));
}

/** Both ways, for letters that have the other case outside ASCII: the long s and the Kelvin sign. */
function folded(name: string): string {
  return name.toUpperCase().toLowerCase();
}

function parameterEdits(parameters: JsonObject): MemberEdits {
  const edits: Record<string, string | null> = {};
  for (const name of Object.keys(parameters)) {
    const other = SAME_MEANING[name];
    if (other !== undefined && !Object.hasOwn(parameters, other)) edits[other] = null;
    edits[name] = JSON.stringify(parameters[name]);
  }
  return edits;
}

function messageEdits(chatbot: Chatbot, messages: unknown): MemberEdits {
  if (!Array.isArray(messages) || chatbot.systemPrompt === '') return {};
  const own: readonly unknown[] = messages;
  const written = writeJsonObject({ messages: [...systemMessages(chatbot), ...own] });
  return { messages: written.toString('utf8').slice('{"messages":'.length, -'}'.length) };
}

function systemMessages({ systemPrompt }: Chatbot): readonly ChatMessage[] {
  return systemPrompt === '' ? [] : [{ role: 'system', content: systemPrompt }];
}
