import { SECURITY_TIERS } from '@sotto/protocol';
import { z } from 'zod';
import type { JsonObject } from '../http/json-object.ts';

const MAX_MODEL_CHARACTERS = 256;

/** Members that every model request has. */
export const sharedMembers = {
  model: z
    .string('a model name is needed')
    .min(1, 'a model name is needed')
    .max(MAX_MODEL_CHARACTERS, `a model name has at most ${MAX_MODEL_CHARACTERS} characters`)
    .describe('A model or alias of GET /v1/models.'),
  security_tier: z
    .enum(SECURITY_TIERS, `one of ${SECURITY_TIERS.join(', ')}`)
    .nullish()
    .describe('Least tier of the upstream; above standard only for encrypted requests.'),
};

/** What streamed requests have besides. */
export const streamMembers = {
  stream: z.boolean('true or false').nullish().describe('Answer with server-sent events.'),
  stream_options: z.looseObject({ include_usage: z.boolean('true or false').nullish() }, 'an object').nullish(),
};

/** Refuses members that a careless reader would take for one the router has checked. */
export function refuseTwins(body: JsonObject, context: z.RefinementCtx): void {
  const twin = Object.keys(body).find(isModelTwin);
  if (twin !== undefined) context.addIssue({ code: 'custom', path: [twin], message: 'write it "model", once' });
}

/** Model servers written in Go read "Model" as "model": it would not be the one that was checked. */
export function isModelTwin(name: string): boolean {
  return name.length === 5 && name !== 'model' && name.toLowerCase() === 'model';
}

/** Whether the members that all model requests share are plainly good. */
export function hasGoodShape(body: JsonObject): boolean {
  const { model, stream, stream_options: streamOptions, security_tier: tier } = body;
  if (typeof model !== 'string' || model.length === 0 || model.length > MAX_MODEL_CHARACTERS) return false;
  if (stream !== undefined && stream !== null && typeof stream !== 'boolean') return false;
  if ((streamOptions !== undefined && streamOptions !== null) || (tier !== undefined && tier !== null)) return false;
  for (const name in body) if (isModelTwin(name)) return false;
  return true;
}
