import type { z } from 'zod';
import type { ExchangeRequest } from '../http/exchange.ts';
import { checkBody, readJsonBody } from '../http/json-body.ts';
import type { OperationParameter } from '../http/operation.ts';

/** Longest body of a request; an import may be longer. */
const MAX_BODY_BYTES = 65_536;

/** Reads a request's body and checks it. @throws InvalidRequestError, PayloadTooLargeError */
export async function readBody<Schema extends z.ZodType>(
  request: ExchangeRequest,
  schema: Schema,
  maxBytes: number = MAX_BODY_BYTES,
): Promise<z.output<Schema>> {
  const { value } = await readJsonBody(request, maxBytes);
  return checkBody(schema, value);
}

/** Reads a request's query and checks it; of a parameter that is there twice the last counts. @throws InvalidRequestError */
export function readQuery<Schema extends z.ZodType>(request: ExchangeRequest, schema: Schema): z.output<Schema> {
  return checkBody(schema, Object.fromEntries(new URLSearchParams(request.query)));
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
