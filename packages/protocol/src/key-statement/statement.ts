import { decodeBase64Url, encodeBase64Url } from '../base64url.ts';
import { concatBytes, encodeHex, encodeUtf8 } from '../bytes.ts';
import type { Awaitable, CryptoProvider } from '../crypto-provider.ts';
import { SecurityError } from '../errors.ts';
import { type KeyClaims, serializeClaims } from './claims.ts';
import { invalid, isObject, MAX_CLAIMS_BYTES, parseClaims } from './parse-claims.ts';

/** Where a router publishes its statement. */
export const KEY_STATEMENT_PATH = '/pki/keys';
/** A statement is read up to this length: claims in base64url, and at most {@link MAX_SIGNATURES} signatures. */
export const MAX_STATEMENT_BYTES = 262_144;
const MAX_SIGNATURES = 4;
const PUBLIC_KEY_BYTES = 32; // RFC 8032 §5.1.5
const SIGNATURE_BYTES = 64; // RFC 8032 §5.1.6
/** Keeps these signatures apart from every other use of the same key. */
const CONTEXT = encodeUtf8('sotto/key-statement/v1\0');

/** The router's long-lived identity. */
export interface StatementSigner {
  /** Ed25519, 32 bytes (RFC 8032 §5.1.5). */
  readonly publicKey: Uint8Array;
  /** @returns Ed25519 signature, 64 bytes */
  sign(message: Uint8Array): Awaitable<Uint8Array>;
}

/** Verifies an Ed25519 signature (RFC 8032 §5.1.7): false, never a throw, for one that does not hold. */
export type Ed25519Verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => Awaitable<boolean>;

/**
 * Makes the JSON of a signed statement: `{ v: 1, claims, signatures: [{ publicKey, signature }] }`, values in base64url.
 * Several signers are for the time in which one takes over from another.
 */
export async function signStatement(claims: KeyClaims, signers: readonly StatementSigner[]): Promise<string> {
  const claimsBytes = serializeClaims(claims);
  const message = concatBytes(CONTEXT, claimsBytes);
  const signatures = await Promise.all(
    signers.map(async (signer) => ({
      publicKey: encodeBase64Url(signer.publicKey),
      signature: encodeBase64Url(await signer.sign(message)),
    })),
  );
  return JSON.stringify({ v: 1, claims: encodeBase64Url(claimsBytes), signatures });
}

/** What a client demands of a statement. */
export interface StatementExpectations {
  /** SHA-256 of the Ed25519 public keys that may sign, hexadecimal, lower case. */
  readonly pinnedSigners: ReadonlySet<string>;
  /** The origin the client speaks to. A statement that names none is for any. */
  readonly origin: string;
  /** The highest epoch seen for this origin, or null. */
  readonly leastEpoch: number | null;
  readonly nowMs: number;
  /** How far the clocks may be apart. */
  readonly clockSkewMs: number;
}

/**
 * Verifies a statement: that a pinned identity signed these very bytes, for this origin, now, and not before the
 * newest that was seen.
 * @throws SecurityError `invalid_key_statement`, `untrusted_signer`, `key_statement_expired`, `key_statement_rollback`,
 *   `audience_mismatch`
 */
export async function verifyStatement(
  provider: Pick<CryptoProvider, 'sha256'>,
  verify: Ed25519Verify,
  statement: string,
  expected: StatementExpectations,
): Promise<KeyClaims> {
  const { claimsBytes, signatures } = parseStatement(statement);
  const message = concatBytes(CONTEXT, claimsBytes);
  let trusted = false;
  for (const { publicKey, signature } of signatures) {
    if (!expected.pinnedSigners.has(await signerFingerprint(provider, publicKey))) continue;
    if (!(await verify(publicKey, message, signature))) throw invalid('has a signature that does not verify');
    trusted = true;
  }
  if (!trusted) {
    throw new SecurityError('no pinned identity has signed the key statement: is this the right router?', {
      code: 'untrusted_signer',
    });
  }
  return checkClaims(parseClaims(claimsBytes), expected);
}

/** SHA-256 of an Ed25519 public key, hexadecimal: what `pinnedSigners` holds. */
export async function signerFingerprint(
  provider: Pick<CryptoProvider, 'sha256'>,
  publicKey: Uint8Array,
): Promise<string> {
  return encodeHex(await provider.sha256(publicKey));
}

function checkClaims(claims: KeyClaims, expected: StatementExpectations): KeyClaims {
  const { nowMs, clockSkewMs, leastEpoch, origin } = expected;
  if (claims.origin !== null && claims.origin !== origin) {
    throw new SecurityError('the key statement is for another origin', { code: 'audience_mismatch' });
  }
  if (nowMs > claims.expiresAt * 1000 + clockSkewMs || nowMs < claims.issuedAt * 1000 - clockSkewMs) {
    throw new SecurityError('the key statement is not valid at this time: check the clock', {
      code: 'key_statement_expired',
    });
  }
  if (leastEpoch !== null && claims.epoch < leastEpoch) {
    throw new SecurityError('the key statement is older than one that was seen before', {
      code: 'key_statement_rollback',
    });
  }
  return claims;
}

interface ParsedStatement {
  readonly claimsBytes: Uint8Array;
  readonly signatures: readonly { readonly publicKey: Uint8Array; readonly signature: Uint8Array }[];
}

function parseStatement(statement: string): ParsedStatement {
  if (statement.length > MAX_STATEMENT_BYTES) throw invalid('is too long');
  let value: unknown;
  try {
    value = JSON.parse(statement);
  } catch {
    throw invalid('is not JSON');
  }
  const { v, claims, signatures } = isObject(value) ? value : {};
  const claimsBytes = typeof claims === 'string' ? decodeBase64Url(claims) : null;
  const isShaped =
    v === 1 && claimsBytes !== null && claimsBytes.length <= MAX_CLAIMS_BYTES && Array.isArray(signatures);
  if (!isShaped || signatures.length > MAX_SIGNATURES) throw invalid('has an unknown form');
  return { claimsBytes, signatures: signatures.map(parseSignature) };
}

function parseSignature(value: unknown): ParsedStatement['signatures'][number] {
  const members = isObject(value) ? value : {};
  const publicKey = decodeText(members['publicKey']);
  const signature = decodeText(members['signature']);
  if (publicKey?.length !== PUBLIC_KEY_BYTES || signature?.length !== SIGNATURE_BYTES) {
    throw invalid('has a signature of an unknown form');
  }
  return { publicKey, signature };
}

function decodeText(value: unknown): Uint8Array | null {
  return typeof value === 'string' ? decodeBase64Url(value) : null;
}
