import { Buffer } from 'node:buffer';
import { z } from 'zod';
import { writeJsonObject } from '../http/json-object.ts';
import type { JsonBody } from './json-body.ts';

/** What the router itself needs of a chat request. Everything else passes through as it came. */
export const chatRequestSchema = z
  .looseObject({
    model: z
      .string('a model name is needed')
      .min(1, 'a model name is needed')
      .max(256, 'a model name has at most 256 characters'),
    messages: z
      .array(z.looseObject({ role: z.string('each message needs a role') }), 'a list of messages is needed')
      .min(1, 'at least one message is needed'),
    stream: z.boolean('true or false').nullish(),
  })
  .superRefine((body, context) => {
    // Model servers written in Go read "Model" as "model": it would not be the one that was checked.
    const twin = Object.keys(body).find((member) => member !== 'model' && member.toLowerCase() === 'model');
    if (twin !== undefined) context.addIssue({ code: 'custom', path: [twin], message: 'write it "model", once' });
  });

/** The router's own field: read, then taken out, for no upstream knows it. */
export const TIER_FIELD = 'security_tier';

const MODEL_MEMBER = Buffer.from('"model"');
const ESCAPED_ASCII = Buffer.from('\\u00');

/**
 * The body for an upstream that knows the model as `model`. The caller's own bytes where nothing changes, so that
 * long numbers and the order of members survive; but never where a member could be there twice, for then the
 * upstream might read another model than the one that was checked.
 */
export function bodyForModel(body: JsonBody, model: string): Uint8Array {
  const unchanged = body.value['model'] === model && !(TIER_FIELD in body.value);
  if (unchanged && isUnambiguous(body.bytes)) return body.bytes;
  const { [TIER_FIELD]: _taken, ...rest } = body.value;
  return writeJsonObject({ ...rest, model });
}

/** Whether `"model"` stands in the text once, and no escape could spell it a second time. */
function isUnambiguous(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = text.indexOf(MODEL_MEMBER);
  return first >= 0 && text.indexOf(MODEL_MEMBER, first + 1) < 0 && !text.includes(ESCAPED_ASCII);
}
