/** What is sent to Anthropic's Messages API (API reference, "Create a Message"), as far as it is used here. */
export interface MessagesRequest {
  readonly model: string;
  readonly max_tokens: number;
  readonly messages: readonly Turn[];
  readonly system?: readonly TextBlock[];
  readonly stream?: true;
  readonly temperature?: number;
  readonly top_p?: number;
  readonly top_k?: number;
  readonly stop_sequences?: readonly string[];
  readonly tools?: readonly Tool[];
  readonly tool_choice?: ToolChoice;
  readonly output_config?: OutputConfig;
  readonly thinking?: unknown;
  readonly metadata?: { readonly user_id: string };
  readonly cache_control?: unknown;
  readonly inference_geo?: unknown;
}

/** One side's say, whole: the turns of a conversation alternate. */
export interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: readonly ContentBlock[];
}

/** A piece of a turn. */
export type ContentBlock = TextBlock | ImageBlock | DocumentBlock | ToolUseBlock | ToolResultBlock | ThinkingBlock;

/** What any block may carry: a mark up to which the API caches the prompt. */
export interface Cacheable {
  readonly cache_control?: unknown;
}

export interface TextBlock extends Cacheable {
  readonly type: 'text';
  readonly text: string;
}

export interface ImageBlock extends Cacheable {
  readonly type: 'image';
  readonly source: UrlSource | Base64Source;
}

export interface DocumentBlock extends Cacheable {
  readonly type: 'document';
  readonly source: Base64Source;
  readonly title?: string;
}

export interface UrlSource {
  readonly type: 'url';
  readonly url: string;
}

export interface Base64Source {
  readonly type: 'base64';
  readonly media_type: string;
  readonly data: string;
}

export interface ToolUseBlock {
  readonly type: 'tool_use';
  readonly id: string;
  readonly name: string;
  readonly input: object;
}

export interface ToolResultBlock {
  readonly type: 'tool_result';
  readonly tool_use_id: string;
  readonly content?: readonly ContentBlock[];
}

/** The model's thoughts, signed by the API: they go back as they came, or are refused. */
export type ThinkingBlock =
  | { readonly type: 'thinking'; readonly thinking: string; readonly signature: string }
  | { readonly type: 'redacted_thinking'; readonly data: string };

export interface Tool extends Cacheable {
  readonly name: string;
  readonly description?: string;
  readonly input_schema: object;
  readonly strict?: true;
}

export type ToolChoice =
  | { readonly type: 'none' }
  | { readonly type: 'auto' | 'any'; readonly disable_parallel_tool_use?: true }
  | { readonly type: 'tool'; readonly name: string; readonly disable_parallel_tool_use?: true };

export interface OutputConfig {
  readonly effort?: 'low' | 'medium' | 'high' | 'xhigh' | 'max';
  readonly format?: { readonly type: 'json_schema'; readonly schema: object };
}
