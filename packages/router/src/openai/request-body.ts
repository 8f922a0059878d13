import { Buffer } from 'node:buffer';
import type { JsonBody } from '../http/json-body.ts';
import { editJsonObject } from '../http/json-members.ts';
import type { JsonObject } from '../http/json-object.ts';
import { TIER_FIELD } from '../tiers/request-tier.ts';

const MODEL_MEMBER = Buffer.from('"model"');
const ESCAPED_ASCII = Buffer.from('\\u00');

/** What becomes of a request on its way to an upstream. */
export interface RequestChanges {
  /** The model's name there. */
  readonly model: string;
  /** Has the stream end with its usage, whether or not the caller asked. */
  readonly asksForUsage: boolean;
  /** Keeps the upstream's prompt cache apart from other callers'; null leaves the member as it is. */
  readonly cacheSalt: string | null;
}

/**
 * The body for an upstream. The caller's own bytes where nothing changes; else all but the changed members keep
 * theirs, so that long numbers survive. A member is never left there twice: the upstream might read another than the
 * one that was checked.
 */
export function bodyForUpstream({ bytes, value }: JsonBody, changes: RequestChanges): Uint8Array {
  const { model, asksForUsage, cacheSalt } = changes;
  const hasTier = TIER_FIELD in value;
  const same = value['model'] === model && !hasTier && !asksForUsage && cacheSalt === null;
  if (same && isUnambiguous(bytes)) return bytes;
  return editJsonObject(bytes, {
    model: JSON.stringify(model),
    ...(hasTier ? { [TIER_FIELD]: null } : {}),
    ...(asksForUsage ? { stream_options: withUsage(value['stream_options']) } : {}),
    ...(cacheSalt === null ? {} : { cache_salt: JSON.stringify(cacheSalt) }),
  });
}

function withUsage(options: unknown): string {
  const present = typeof options === 'object' && options !== null ? (options as JsonObject) : {};
  return JSON.stringify({ ...present, include_usage: true });
}

/** Whether `"model"` stands in the text once, and no escape could spell it a second time. */
function isUnambiguous(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = text.indexOf(MODEL_MEMBER);
  return first >= 0 && text.indexOf(MODEL_MEMBER, first + 1) < 0 && !text.includes(ESCAPED_ASCII);
}
