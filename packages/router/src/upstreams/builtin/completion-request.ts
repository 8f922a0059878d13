import { z } from 'zod';
import { parseFields, refuseUnsupported, sharedFields } from '../request-fields.ts';
import { type GenerationRequest, type StreamRequest, samplingOf, stopOf, streamOf } from './generation-request.ts';

/** A text completion, asked for. */
export interface CompletionRequest extends GenerationRequest, StreamRequest {
  readonly prompt: string;
  /** Whether the answer begins with the prompt. */
  readonly echo: boolean;
  readonly model: string | null;
}

/** OpenAI's API reference, legacy completions: the default of max_tokens. */
const DEFAULT_MAX_TOKENS = 16;

const completionFields = z.looseObject({
  ...sharedFields,
  prompt: z.union([z.string(), z.tuple([z.string()])], 'must be a string, or a list of one'),
  echo: z.boolean().nullish(),
  best_of: z.literal(1).nullish(),
});

const UNSUPPORTED = ['suffix', 'logprobs', 'logit_bias'] as const;

/**
 * Reads the body of `POST /completions`.
 * @throws InvalidRequestError `invalid_json` or `invalid_request`, with the field in `param`
 */
export function parseCompletionRequest(body: Uint8Array | null): CompletionRequest {
  const fields = parseFields(completionFields, body);
  refuseUnsupported(fields, UNSUPPORTED);
  return {
    prompt: typeof fields.prompt === 'string' ? fields.prompt : fields.prompt[0],
    echo: fields.echo ?? false,
    model: fields.model ?? null,
    sampling: samplingOf(fields),
    stop: stopOf(fields),
    maxTokens: fields.max_tokens ?? DEFAULT_MAX_TOKENS,
    format: { type: 'text' },
    ...streamOf(fields),
  };
}
