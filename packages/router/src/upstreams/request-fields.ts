import { apiError, decodeUtf8 } from '@sotto/protocol';
import { z } from 'zod';

/** Longest stop text, in UTF-16 units: each token's text is compared with all of it. */
const MAX_STOP_LENGTH = 256;

const stopText = z
  .string()
  .min(1)
  .max(MAX_STOP_LENGTH)
  // Half a surrogate pair could cut a character of the answer in two.
  .refine((text) => !/\p{Surrogate}/u.test(text), 'must be well-formed Unicode');

/**
 * Fields that chat and text completions share, as OpenAI's API reference names them; `top_k` and `min_p` as vLLM and
 * llama.cpp take them. Whatever is not named here and does not change the answer is ignored.
 */
export const sharedFields = {
  model: z.string().nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.int().nullish(),
  max_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(-1).max(1_000_000).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  seed: z.int().nullish(),
  stop: z.union([stopText, z.array(stopText).max(4)]).nullish(),
};

/**
 * Reads a request's JSON against a schema.
 * @throws InvalidRequestError `invalid_json`, or `invalid_request` with the field in `param`
 */
export function parseFields<Schema extends z.ZodType>(schema: Schema, body: Uint8Array | null): z.output<Schema> {
  const parsed = schema.safeParse(parseJson(body));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const param = issue === undefined || issue.path.length === 0 ? null : notation(issue.path);
  const message = issue?.message ?? 'is not as it should be';
  throw apiError('invalid_request', `${param ?? 'the request'}: ${message}`, { param });
}

/**
 * Refuses what would change the answer and cannot be had from this model: ignoring it would be a lie.
 * @throws InvalidRequestError `invalid_request`
 */
export function refuseUnsupported(body: Readonly<Record<string, unknown>>, fields: readonly string[]): void {
  for (const field of fields) {
    if (asksForNothing(body[field])) continue;
    throw apiError('invalid_request', `the built-in model server does not support ${field}`, { param: field });
  }
  const n = body['n'];
  if (n !== undefined && n !== null && n !== 1) {
    throw apiError('invalid_request', 'the built-in model server makes one answer a request: n must be 1', {
      param: 'n',
    });
  }
}

function parseJson(body: Uint8Array | null): unknown {
  const text = body === null ? null : decodeUtf8(body);
  try {
    if (text !== null) return JSON.parse(text);
  } catch {
    // Told below, without the parser's words: they quote the request.
  }
  throw apiError('invalid_json', 'the request is not JSON in UTF-8');
}

/** OpenAI's way to name a field: `messages[0].role`. */
function notation(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (name, key) => (typeof key === 'number' ? `${name}[${key}]` : name === '' ? String(key) : `${name}.${String(key)}`),
    '',
  );
}

function asksForNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
