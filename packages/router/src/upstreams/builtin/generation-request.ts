import { randomInt } from 'node:crypto';
import type { z } from 'zod';
import type { sharedFields } from '../request-fields.ts';
import type { ResponseFormat } from './response-format.ts';

/** How the next token is chosen. */
export interface Sampling {
  readonly temperature: number;
  readonly topP: number;
  /** 0: no limit. */
  readonly topK: number;
  readonly minP: number;
  /** 32 bits. */
  readonly seed: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
}

/** What a request asks of the generation, whatever its route. */
export interface GenerationRequest {
  readonly sampling: Sampling;
  readonly stop: readonly string[];
  /** Null: as many as fit into the context. */
  readonly maxTokens: number | null;
  readonly format: ResponseFormat;
}

/** How the answer travels. */
export interface StreamRequest {
  readonly stream: boolean;
  /** Whether the stream's last chunk counts the tokens. */
  readonly includeUsage: boolean;
}

// What the caller leaves open is chosen as llama.cpp's own server does; small models ramble at OpenAI's temperature of 1.
const DEFAULT_TEMPERATURE = 0.8;
const DEFAULT_TOP_P = 0.95;
const DEFAULT_TOP_K = 40;
const DEFAULT_MIN_P = 0.05;

const SEEDS = 2 ** 32;

type SharedFields = z.output<z.ZodObject<typeof sharedFields>>;

/** Reads the sampling fields; without a seed, a fresh one. */
export function samplingOf(fields: SharedFields): Sampling {
  return {
    temperature: fields.temperature ?? DEFAULT_TEMPERATURE,
    topP: fields.top_p ?? DEFAULT_TOP_P,
    topK: Math.max(0, fields.top_k ?? DEFAULT_TOP_K),
    minP: fields.min_p ?? DEFAULT_MIN_P,
    seed: fields.seed === undefined || fields.seed === null ? randomInt(SEEDS) : fields.seed >>> 0,
    presencePenalty: fields.presence_penalty ?? 0,
    frequencyPenalty: fields.frequency_penalty ?? 0,
  };
}

/** Reads `stop`: one text or a list. */
export function stopOf(fields: SharedFields): readonly string[] {
  return typeof fields.stop === 'string' ? [fields.stop] : (fields.stop ?? []);
}

/** Reads `stream` and `stream_options`. */
export function streamOf(fields: SharedFields): StreamRequest {
  return { stream: fields.stream ?? false, includeUsage: fields.stream_options?.include_usage ?? false };
}
