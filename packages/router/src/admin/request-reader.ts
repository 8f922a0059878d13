import type { z } from 'zod';
import type { ExchangeRequest } from '../http/exchange.ts';
import type { OperationParameter } from '../http/operation.ts';

/** How the routes read what they are sent: handed in, for other routes read the same way. */
export interface RequestReader {
  /** Reads a JSON object. @throws InvalidRequestError `invalid_json`, PayloadTooLargeError `payload_too_large` */
  readonly readJson: (request: ExchangeRequest, maxBytes: number) => Promise<{ readonly value: unknown }>;
  /** Checks a value against a schema. @throws InvalidRequestError `invalid_request` naming the member as `param` */
  readonly check: <Schema extends z.ZodType>(schema: Schema, value: unknown) => z.output<Schema>;
}

/** Longest body of a request; an import may be longer. */
const MAX_BODY_BYTES = 65_536;

/** Reads a request's body and checks it. @throws InvalidRequestError, PayloadTooLargeError */
export async function readBody<Schema extends z.ZodType>(
  { readJson, check }: RequestReader,
  request: ExchangeRequest,
  schema: Schema,
  maxBytes: number = MAX_BODY_BYTES,
): Promise<z.output<Schema>> {
  const { value } = await readJson(request, maxBytes);
  return check(schema, value);
}

/** Reads a request's query and checks it; of a parameter that is there twice the last counts. @throws InvalidRequestError */
export function readQuery<Schema extends z.ZodType>(
  { check }: RequestReader,
  request: ExchangeRequest,
  schema: Schema,
): z.output<Schema> {
  return check(schema, Object.fromEntries(new URLSearchParams(request.query)));
}

/** The parameters of a query for the API description, made of the schema that checks it. */
export function queryParameters(shape: Readonly<Record<string, z.ZodType>>): readonly OperationParameter[] {
  return Object.entries(shape).map(([name, schema]) => ({
    name,
    in: 'query',
    description: schema.description ?? name,
    schema,
  }));
}
