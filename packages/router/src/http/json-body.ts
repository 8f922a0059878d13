import { type APIError, apiError } from '@sotto/protocol';
import type { z } from 'zod';
import { TIER_FIELD } from '../tiers/request-tier.ts';
import type { ExchangeRequest } from './exchange.ts';
import { jsonFault } from './json-fault.ts';
import { type JsonObject, readJsonObject } from './json-object.ts';

/** A request body that is a JSON object, as bytes and as a value. */
export interface JsonBody {
  readonly bytes: Uint8Array;
  readonly value: JsonObject;
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
export function parseJsonObject(bytes: Uint8Array): JsonObject {
  const value = readJsonObject(bytes);
  if (value === null) throw apiError('invalid_json', jsonFault(bytes));
  return value;
}

/** Checks a body against a schema. @throws InvalidRequestError `invalid_request` naming the field as `param` */
export function checkBody<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw bodyFault(result.error);
}

function bodyFault(error: z.ZodError): APIError {
  const [issue] = error.issues;
  const param = paramName(issue?.path ?? []);
  const code = param === TIER_FIELD ? 'invalid_security_tier' : 'invalid_request';
  return apiError(code, `${param ?? 'the body'}: ${issue?.message ?? 'invalid'}`, { param });
}

/** A path in OpenAI's notation: `messages[0].role`. */
function paramName(path: readonly PropertyKey[]): string | null {
  let name = '';
  for (const step of path) name += typeof step === 'number' ? `[${step}]` : `${name === '' ? '' : '.'}${String(step)}`;
  return name === '' ? null : name;
}
