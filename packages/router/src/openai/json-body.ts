import { Buffer } from 'node:buffer';
import { apiError } from '@sotto/protocol';
import type { z } from 'zod';
import type { ExchangeRequest } from '../http/exchange.ts';

/** A request body that is a JSON object, as bytes and as a value. */
export interface JsonBody {
  readonly bytes: Uint8Array;
  readonly value: Readonly<Record<string, unknown>>;
}

const JSON_TYPE = /^application\/json\s*(;|$)/i;

/**
 * Reads a JSON object.
 * @throws APIError `unsupported_media_type`
 * @throws InvalidRequestError `invalid_json`
 * @throws PayloadTooLargeError `payload_too_large`
 */
export async function readJsonBody(request: ExchangeRequest, maxBytes: number): Promise<JsonBody> {
  const contentType = request.headers['content-type'];
  // A missing type is taken for JSON, as the reference servers do; a wrong one is a mistake to tell.
  if (contentType !== undefined && !JSON_TYPE.test(contentType)) {
    throw apiError('unsupported_media_type', 'the body must be JSON: send Content-Type: application/json');
  }
  const bytes = await request.body(maxBytes);
  return { bytes, value: parseJsonObject(bytes) };
}

/** Parses a JSON object. @throws InvalidRequestError `invalid_json` */
export function parseJsonObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch {
    // The parser's own message quotes the body: it stays here.
    throw apiError('invalid_json', 'the body is not valid JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw apiError('invalid_json', 'the body must be a JSON object');
  }
  return value as Readonly<Record<string, unknown>>;
}

/** Checks a body against a schema. @throws InvalidRequestError `invalid_request` naming the field as `param` */
export function checkBody<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const param = paramName(issue?.path ?? []);
  throw apiError('invalid_request', `${param ?? 'the body'}: ${issue?.message ?? 'invalid'}`, { param });
}

/** A path in OpenAI's notation: `messages[0].role`. */
function paramName(path: readonly PropertyKey[]): string | null {
  let name = '';
  for (const step of path) name += typeof step === 'number' ? `[${step}]` : `${name === '' ? '' : '.'}${String(step)}`;
  return name === '' ? null : name;
}
