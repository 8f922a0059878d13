import { type APIError, apiError, apiErrorOfStatus } from '@sotto/protocol';
import type { ChatHistoryItem, LlamaText, Token } from 'node-llama-cpp';
import type { ChatMessage } from './chat-request.ts';
import type { LoadedModel } from './loaded-model.ts';

/** What the model is to continue, and what its template says of the answer's edges. */
export interface Prompt {
  readonly tokens: readonly Token[];
  /** Tokens beside the model's own end token that end an answer. */
  readonly stopTokens: ReadonlySet<Token>;
  readonly stopTexts: readonly string[];
  /** Whether blanks before the answer's first word are the template's and not the answer's. */
  readonly trimStart: boolean;
}

/**
 * Text that is longer than this for every token of the context is refused without being tokenized: that would hold
 * up the event loop, and even source code and long words come to less than ten characters a token.
 */
const MAX_CHARACTERS_PER_TOKEN = 32;

/**
 * Writes a conversation as the model's chat template has it. What people wrote is tokenized as text: `<|end|>` in a
 * message is seven characters and never the token that ends one.
 * @throws InvalidRequestError `context_length_exceeded`; `invalid_request` where the template does not take the roles
 *   in this order
 */
export function chatPrompt(loaded: LoadedModel, messages: readonly ChatMessage[]): Prompt {
  checkLength(
    loaded,
    messages.reduce((length, { text }) => length + text.length, 0),
    'messages',
  );
  const continues = messages.at(-1)?.role === 'assistant';
  const history = messages.map(historyItem);
  const chatHistory: ChatHistoryItem[] = continues ? history : [...history, { type: 'model', response: [] }];
  const state = render(loaded, chatHistory);
  const tokenizer = loaded.model.tokenizer;
  const stop = state.stopGenerationTriggers.map((trigger) => stopTrigger(loaded, trigger));
  return {
    tokens: fitting(
      loaded,
      withBeginning(loaded, state.contextText.tokenize(tokenizer, 'trimLeadingSpace')),
      'messages',
    ),
    stopTokens: new Set(stop.flatMap((trigger) => (trigger.token === null ? [] : [trigger.token]))),
    stopTexts: stop.flatMap((trigger) => (trigger.text === null ? [] : [trigger.text])),
    trimStart: !continues && (state.ignoreStartText?.length ?? 0) > 0,
  };
}

/**
 * Takes a text as it is, without a template.
 * @throws InvalidRequestError `context_length_exceeded`
 */
export function textPrompt(loaded: LoadedModel, text: string): Prompt {
  checkLength(loaded, text.length, 'prompt');
  const tokens = fitting(loaded, withBeginning(loaded, loaded.model.tokenize(text)), 'prompt');
  if (tokens.length === 0) throw apiError('invalid_request', 'the prompt is empty', { param: 'prompt' });
  return { tokens, stopTokens: new Set(), stopTexts: [], trimStart: false };
}

function historyItem({ role, text }: ChatMessage): ChatHistoryItem {
  return role === 'assistant' ? { type: 'model', response: [text] } : { type: role, text };
}

function render(loaded: LoadedModel, chatHistory: readonly ChatHistoryItem[]) {
  try {
    return loaded.chatWrapper.generateContextState({ chatHistory });
  } catch (error) {
    const message = "the model's chat template does not take these messages in this order";
    throw apiError('invalid_request', message, { param: 'messages', cause: error });
  }
}

/** A trigger that begins with a special token is met by that token; any other is looked for in the text. */
function stopTrigger({ model }: LoadedModel, trigger: LlamaText): { token: Token | null; text: string | null } {
  const tokens = trigger.tokenize(model.tokenizer);
  const [first] = tokens;
  if (first !== undefined && model.isSpecialToken(first)) return { token: first, text: null };
  const text = model.detokenize(tokens, true);
  return { token: null, text: text === '' ? null : text };
}

/** Models that were trained with a beginning-of-sequence token need it; templates that write it are left alone. */
function withBeginning({ model }: LoadedModel, tokens: readonly Token[]): readonly Token[] {
  const { bos, shouldPrependBosToken } = model.tokens;
  return bos === null || !shouldPrependBosToken || tokens[0] === bos ? tokens : [bos, ...tokens];
}

/** One place of the context is left for the answer's first token. */
function fitting(loaded: LoadedModel, tokens: readonly Token[], param: string): readonly Token[] {
  if (tokens.length < loaded.contextTokens) return tokens;
  throw tooLong(
    `the prompt has ${tokens.length} tokens, and this model's context of ${loaded.contextTokens} tokens`,
    param,
  );
}

function checkLength(loaded: LoadedModel, characters: number, param: string): void {
  if (characters <= loaded.contextTokens * MAX_CHARACTERS_PER_TOKEN) return;
  throw tooLong(
    `the prompt has ${characters} characters, and this model's context of ${loaded.contextTokens} tokens`,
    param,
  );
}

function tooLong(numbers: string, param: string): APIError {
  const message = `${numbers} must also hold the answer; shorten it`;
  // OpenAI's own code for this, which SDKs and agents look for.
  return apiErrorOfStatus(400, message, { code: 'context_length_exceeded', param });
}
