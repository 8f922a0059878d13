import { decodeUtf8 } from '@sotto/protocol';
import * as z from 'zod/mini';
import { attestationError, parsing } from './verification-error.ts';
import { base64Url, hexOf } from './wire-types.ts';

/** The longest claims that are read. */
export const MAX_CLAIMS_BYTES = 16_384;
const MAX_KEY_CONFIG_BYTES = 8_192;
const seconds = z.int().check(z.minimum(0));
const name = z.string().check(z.minLength(1), z.maxLength(256));

const claims = z.strictObject({
  v: z.literal(1),
  kid: name,
  keyConfig: base64Url(MAX_KEY_CONFIG_BYTES),
  aud: name,
  iat: seconds,
  exp: seconds,
  tlsSpkiSha256: z.optional(hexOf(32)),
  software: z.strictObject({ name, version: name, commit: name, imageDigest: z.optional(name) }),
  upstreamPolicySha256: z.optional(hexOf(32)),
});

/** What a router says of itself, and evidence commits to. */
export interface Claims {
  readonly v: 1;
  /** Names the key. */
  readonly kid: string;
  /** The exact bytes served for encryption; encrypt to these, not to a key fetched separately. */
  readonly keyConfig: Uint8Array;
  /** Origin of the router. */
  readonly aud: string;
  /** Seconds since 1970. */
  readonly iat: number;
  readonly exp: number;
  /** SHA-256 of the TLS certificate's SubjectPublicKeyInfo, lower-case hexadecimal. */
  readonly tlsSpkiSha256?: string | undefined;
  readonly software: {
    readonly name: string;
    readonly version: string;
    readonly commit: string;
    readonly imageDigest?: string | undefined;
  };
  /** SHA-256 of the policy by which the router picks upstreams, lower-case hexadecimal. */
  readonly upstreamPolicySha256?: string | undefined;
}

/**
 * Reads claims. Only bytes that evidence has been found to commit to are worth reading.
 * @throws AttestationError `claims_invalid`
 */
export function parseClaims(bytes: Uint8Array): Claims {
  const parsed = parsing('parse.claims', 'claims_invalid', 'the claims', () => {
    const text = bytes.length > MAX_CLAIMS_BYTES ? null : decodeUtf8(bytes);
    if (text === null) throw new RangeError('claims are too long, or not UTF-8');
    const result = z.safeParse(claims, JSON.parse(text));
    if (!result.success) throw new RangeError('claims have another form', { cause: result.error });
    return result.data;
  });
  if (parsed.exp <= parsed.iat)
    throw attestationError('claims.exp', 'claims_invalid', 'the claims expire before they begin');
  return parsed;
}
