import type { z } from 'zod';
import type { Operation } from '../http/operation.ts';

/** What differs from one operation of the administration to the next. */
interface AdminOperation {
  readonly tag?: Operation['tag'];
  /** Of the good answer. */
  readonly status?: number;
  readonly request?: z.ZodType;
}

/** Describes an operation that takes and gives JSON, for the holder of the admin key. */
export function adminOperation(
  summary: string,
  answer: z.ZodType,
  { tag = 'administration', status = 200, request }: AdminOperation = {},
): Operation {
  return {
    summary,
    tag,
    credential: 'admin-key',
    ...(request === undefined ? {} : { request: { mediaType: 'application/json', schema: request } }),
    responses: { [status]: { description: summary, content: { 'application/json': answer } } },
  };
}
