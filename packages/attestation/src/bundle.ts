import { decodeUtf8, encodeUtf8 } from '@sotto/protocol';
import { MAX_CLAIMS_BYTES } from '@sotto/protocol/key-statement';
import * as z from 'zod/mini';
import { NONCE_BYTES } from './binding.ts';
import { EVIDENCE_TYPES, evidenceSchema } from './evidence-schema.ts';
import { attestationError, parsing } from './verification-error.ts';
import { base64Url, base64UrlOf } from './wire-types.ts';

export { EVIDENCE_TYPES, type Evidence, type EvidenceType } from './evidence-schema.ts';

/** The longest bundle that is read. */
export const MAX_BUNDLE_BYTES = 262_144;
const MAX_ADDITIONAL = 8;

const bundle = z.strictObject({
  v: z.literal(1),
  claims: base64Url(MAX_CLAIMS_BYTES),
  nonce: z.optional(base64UrlOf(NONCE_BYTES)),
  evidence: evidenceSchema,
  // Of other hardware, such as GPUs: carried, not verified, and never counted.
  additional: z.optional(
    z.array(z.looseObject({ type: z.string().check(z.maxLength(64)) })).check(z.maxLength(MAX_ADDITIONAL)),
  ),
});

/** An evidence bundle, with its binary members decoded; nothing is verified yet. */
export type Bundle = z.infer<typeof bundle>;

/**
 * Reads a bundle as it came: JSON, at most 256 KiB, strict in every member.
 * @throws AttestationError `evidence_missing`, `evidence_malformed`, `type_unsupported`
 */
export function parseBundle(received: string | Uint8Array): Bundle {
  if (received.length === 0) throw attestationError('parse.bundle', 'evidence_missing', 'the router sent no evidence');
  return parsing('parse.bundle', 'evidence_malformed', 'the evidence bundle', () => {
    const json: unknown = JSON.parse(boundedText(received));
    checkType(json);
    const parsed = z.safeParse(bundle, json);
    if (!parsed.success) throw new RangeError('bundle has another form', { cause: parsed.error });
    return parsed.data;
  });
}

function boundedText(received: string | Uint8Array): string {
  // A character of a string is at least a byte, so that an overlong one is refused before it is encoded.
  const tooLong =
    received.length > MAX_BUNDLE_BYTES ||
    (typeof received === 'string' && encodeUtf8(received).length > MAX_BUNDLE_BYTES);
  const decoded = tooLong ? null : typeof received === 'string' ? received : decodeUtf8(received);
  if (decoded === null) throw new RangeError('bundle is too long, or not UTF-8');
  return decoded;
}

/** Tells a kind of evidence that is not known, which a later version may be, from a malformed bundle. */
function checkType(json: unknown): void {
  const outer = z.safeParse(z.looseObject({ evidence: z.optional(z.unknown()) }), json);
  if (!outer.success) return;
  if (outer.data.evidence === undefined || outer.data.evidence === null) {
    throw attestationError('parse.bundle', 'evidence_missing', 'the bundle holds no evidence');
  }
  const inner = z.safeParse(z.looseObject({ type: z.string() }), outer.data.evidence);
  if (inner.success && !EVIDENCE_TYPES.some((type) => type === inner.data.type)) {
    throw attestationError('parse.bundle', 'type_unsupported', 'the evidence is of a kind that is not known');
  }
}
