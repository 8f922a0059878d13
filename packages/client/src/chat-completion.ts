import type { SecurityTier } from '@sotto/protocol';

/** A part of a message's content; parts of other types are passed on as they are. */
export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image_url'; readonly image_url: { readonly url: string; readonly detail?: string } }
  | { readonly type: string; readonly [member: string]: unknown };

/** A call of a tool that the model asks for. */
export interface ToolCall {
  readonly id: string;
  readonly type: string;
  readonly function: {
    readonly name: string;
    /** JSON as the model wrote it: parse it with care. */
    readonly arguments: string;
  };
  readonly [member: string]: unknown;
}

/** A message of the conversation so far. Other members are passed on. */
export interface ChatMessage {
  /** `system`, `developer`, `user`, `assistant` or `tool`. */
  readonly role: string;
  readonly content?: string | readonly ContentPart[] | null;
  readonly name?: string;
  readonly tool_calls?: readonly ToolCall[];
  readonly tool_call_id?: string;
  readonly [member: string]: unknown;
}

/** A function that the model may call. */
export interface ChatTool {
  readonly type: string;
  readonly function: {
    readonly name: string;
    readonly description?: string;
    /** JSON Schema. */
    readonly parameters?: Readonly<Record<string, unknown>>;
    readonly [member: string]: unknown;
  };
}

/** A chat request in OpenAI's terms. Any other parameter is passed on as it is. */
export interface ChatCompletionParams {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly temperature?: number | null;
  readonly max_tokens?: number | null;
  readonly top_p?: number | null;
  readonly frequency_penalty?: number | null;
  readonly presence_penalty?: number | null;
  readonly stop?: string | readonly string[] | null;
  readonly n?: number | null;
  /** Over nomyo-v1 nothing streams: the stream then yields the whole answer as one chunk. */
  readonly stream?: boolean | null;
  readonly tools?: readonly ChatTool[];
  readonly tool_choice?: unknown;
  readonly user?: string;
  /** How private the handling must be. Taken out of the payload. */
  readonly security_tier?: SecurityTier | null;
  /** In the place of the client's API key, for this request. Taken out of the payload. */
  readonly api_key?: string | null;
  /** In the place of the client's router, for this request. Taken out of the payload. */
  readonly base_url?: string | null;
  readonly [parameter: string]: unknown;
}

/** What the client adds to an answer. */
export interface CompletionMetadata {
  readonly payload_id: string;
  /** Unix time in seconds as the router claims it, not authenticated; null where it sent none. */
  readonly processed_at: number | null;
  readonly is_encrypted: true;
  readonly encryption_algorithm: string;
  /** Whether the answer proves that it comes from whoever opened the request (see `requestBinding`). */
  readonly response_authenticated: boolean;
  readonly [member: string]: unknown;
}

/** The model's message. */
export interface CompletionMessage {
  readonly role?: string;
  readonly content?: string | null;
  readonly tool_calls?: readonly ToolCall[];
  readonly [member: string]: unknown;
}

/** One of the answers that were asked for. */
export interface CompletionChoice {
  readonly index?: number;
  readonly message: CompletionMessage;
  readonly finish_reason?: string | null;
  readonly [member: string]: unknown;
}

/** An answer. The members that the client has checked are those that are not optional. */
export interface ChatCompletion {
  readonly id?: string;
  readonly object?: string;
  readonly created?: number;
  readonly model?: string;
  readonly choices: readonly CompletionChoice[];
  readonly usage?: CompletionUsage;
  readonly _metadata: CompletionMetadata;
  readonly [member: string]: unknown;
}

/** Tokens that an answer took. */
export interface CompletionUsage {
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
  readonly total_tokens?: number;
  readonly [member: string]: unknown;
}

/** A part of a message as it arrives. */
export interface CompletionDelta {
  readonly role?: string;
  readonly content?: string | null;
  readonly tool_calls?: readonly (Partial<ToolCall> & { readonly index: number })[];
  readonly [member: string]: unknown;
}

/** One of the answers in a chunk. */
export interface CompletionChunkChoice {
  readonly index: number;
  readonly delta: CompletionDelta;
  /** The whole message, where the chunk is a whole answer: what NOMYO's clients yield. */
  readonly message?: CompletionMessage;
  readonly finish_reason: string | null;
  readonly [member: string]: unknown;
}

/** A part of an answer. */
export interface ChatCompletionChunk {
  readonly id?: string;
  readonly object: 'chat.completion.chunk';
  readonly created?: number;
  readonly model?: string;
  readonly choices: readonly CompletionChunkChoice[];
  readonly usage?: CompletionUsage | null;
  readonly _metadata?: CompletionMetadata;
  readonly [member: string]: unknown;
}
