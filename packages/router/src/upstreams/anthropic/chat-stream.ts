import { apiError } from '@sotto/protocol';
import {
  type AnswerBlock,
  chatUsage,
  type FinishReason,
  finishReasonOf,
  type MessageUsage,
  updatedUsage,
} from './answer-parts.ts';
import { thinkingOf } from './chat-completion.ts';
import { streamedError } from './error-answer.ts';
import type { ThinkingBlock } from './messages-api.ts';
import { type BlockDelta, readStreamEvent, type StreamEvent } from './stream-events.ts';

/** Blocks that may be open at once: they come one after the other. */
const MAX_OPEN_BLOCKS = 16;
/** Longest thought that is kept for its signature, in UTF-16 units: ten times what the longest answers have. */
const MAX_THOUGHT_LENGTH = 4 * 1024 * 1024;

/** What a chunk of OpenAI's form adds to the message. */
interface Delta {
  readonly role?: 'assistant';
  readonly content?: string;
  readonly refusal?: string;
  readonly reasoning_content?: string;
  readonly thinking_blocks?: readonly ThinkingBlock[];
  readonly tool_calls?: readonly object[];
}

/** A block under way. A thought is kept until it is signed; of a tool's input it is known only that some came. */
type OpenBlock =
  | { readonly kind: 'text' }
  | { readonly kind: 'thinking'; block: AnswerBlock }
  | { readonly kind: 'tool'; readonly index: number; readonly input: unknown; hasArguments: boolean };

/** Translates the events of a streamed message into the chunks of a streamed chat completion. */
export class ChatStream {
  readonly #created: number;
  readonly #includeUsage: boolean;
  /** What every chunk begins with, as JSON without its closing brace: written once, for chunks are many. */
  #prefix: string | null = null;
  #usage: MessageUsage = {};
  #stopReason: string | null = null;
  #refusal: string | null = null;
  #toolCalls = 0;
  readonly #open = new Map<number, OpenBlock>();
  #isFinished = false;

  /** @param created Unix time, seconds */
  constructor(created: number, includeUsage: boolean) {
    this.#created = created;
    this.#includeUsage = includeUsage;
  }

  /** Whether the message came to its end. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  /**
   * Takes the data of the next event.
   * @returns the events to pass on, as text; empty for none
   * @throws ServerError `upstream_invalid_response`, and what an `error` event stands for
   */
  translate(data: string): string {
    const event = this.#isFinished ? null : readStreamEvent(data);
    return event === null ? '' : this.#chunksOf(event);
  }

  #chunksOf(event: StreamEvent): string {
    switch (event.type) {
      case 'error':
        throw streamedError(event.error.type);
      case 'message_start':
        return this.#begin(event.message);
      case 'content_block_start':
        return this.#openBlock(event.index, event.content_block);
      case 'content_block_delta':
        return this.#extend(event.index, event.delta);
      case 'content_block_stop':
        return this.#closeBlock(event.index);
      case 'message_delta':
        this.#usage = updatedUsage(this.#usage, event.usage ?? {});
        this.#stopReason = event.delta.stop_reason ?? this.#stopReason;
        this.#refusal = event.delta.stop_details?.explanation ?? this.#refusal;
        return '';
      case 'message_stop':
        return this.#finish();
      default:
        return event satisfies never;
    }
  }

  #begin({ id, model, usage }: Extract<StreamEvent, { type: 'message_start' }>['message']): string {
    if (this.#prefix !== null) throw outOfOrder();
    const shared = { id, object: 'chat.completion.chunk', created: this.#created, model };
    this.#prefix = JSON.stringify(shared).slice(0, -1);
    this.#usage = usage;
    return this.#chunk({ role: 'assistant', content: '' });
  }

  #openBlock(index: number, block: AnswerBlock): string {
    if (this.#open.has(index) || this.#open.size >= MAX_OPEN_BLOCKS) throw outOfOrder();
    switch (block.type) {
      case 'text':
        this.#open.set(index, { kind: 'text' });
        return this.#extend(index, { type: 'text_delta', text: block.text ?? '' });
      case 'thinking':
      case 'redacted_thinking':
        this.#open.set(index, { kind: 'thinking', block: { ...block, thinking: '' } });
        return this.#extend(index, { type: 'thinking_delta', thinking: block.thinking ?? '' });
      case 'tool_use': {
        const { id, name, input } = block;
        if (id === undefined || name === undefined) throw outOfOrder();
        const call = this.#toolCalls++;
        this.#open.set(index, { kind: 'tool', index: call, input, hasArguments: false });
        const tool = { index: call, id, type: 'function', function: { name, arguments: '' } };
        return this.#chunk({ tool_calls: [tool] });
      }
      default:
        // A block that OpenAI's form has no place for: its deltas find nothing open and are left out with it.
        return '';
    }
  }

  #extend(index: number, delta: BlockDelta): string {
    const open = this.#open.get(index);
    if (open?.kind === 'text' && delta.type === 'text_delta') {
      return isGiven(delta.text) ? this.#chunk({ content: delta.text }) : '';
    }
    if (open?.kind === 'tool' && delta.type === 'input_json_delta') {
      if (!isGiven(delta.partial_json)) return '';
      open.hasArguments = true;
      return this.#argumentsChunk(open.index, delta.partial_json);
    }
    if (open?.kind === 'thinking' && delta.type === 'signature_delta') {
      // One event's: events have a bound.
      open.block = { ...open.block, signature: delta.signature ?? '' };
    }
    if (open?.kind === 'thinking' && delta.type === 'thinking_delta' && isGiven(delta.thinking)) {
      const thinking = `${open.block.thinking ?? ''}${delta.thinking}`;
      if (thinking.length > MAX_THOUGHT_LENGTH) throw tooLong();
      open.block = { ...open.block, thinking };
      return this.#chunk({ reasoning_content: delta.thinking });
    }
    return '';
  }

  #closeBlock(index: number): string {
    const open = this.#open.get(index);
    this.#open.delete(index);
    if (open?.kind === 'tool' && !open.hasArguments) {
      // A call without input: the arguments are JSON all the same.
      return this.#argumentsChunk(open.index, JSON.stringify(open.input ?? {}));
    }
    if (open?.kind !== 'thinking') return '';
    const blocks = thinkingOf(open.block);
    return blocks.length === 0 ? '' : this.#chunk({ thinking_blocks: blocks });
  }

  #finish(): string {
    if (this.#stopReason === null) throw outOfOrder();
    this.#isFinished = true;
    const refused = this.#stopReason === 'refusal' && this.#refusal !== null;
    const last = this.#chunk(refused ? { refusal: this.#refusal ?? '' } : {}, finishReasonOf(this.#stopReason));
    return this.#includeUsage
      ? last + this.#event(`"choices":[],"usage":${JSON.stringify(chatUsage(this.#usage))}`)
      : last;
  }

  #argumentsChunk(index: number, json: string): string {
    return this.#chunk({ tool_calls: [{ index, function: { arguments: json } }] });
  }

  #chunk(delta: Delta, finishReason: FinishReason | null = null): string {
    const choice = `{"index":0,"delta":${JSON.stringify(delta)},"logprobs":null,"finish_reason":${JSON.stringify(finishReason)}}`;
    return this.#event(`"choices":[${choice}]${this.#includeUsage ? ',"usage":null' : ''}`);
  }

  /** @param members JSON, without the braces */
  #event(members: string): string {
    if (this.#prefix === null) throw outOfOrder();
    return `data: ${this.#prefix},${members}}\n\n`;
  }
}

function isGiven(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}

function outOfOrder(): Error {
  return apiError('upstream_invalid_response', 'the model server sent the events of its answer out of order');
}

function tooLong(): Error {
  return apiError('upstream_invalid_response', 'the model server answered at too great length');
}
