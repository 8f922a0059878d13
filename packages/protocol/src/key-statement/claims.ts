import { decodeBase64Url, encodeBase64Url } from '../base64url.ts';
import { decodeUtf8, encodeUtf8 } from '../bytes.ts';
import { SecurityError } from '../errors.ts';

/** Protocols a router speaks, weakest first: a client that has seen a minimum goes no lower. */
export const STATED_PROTOCOLS = ['clear', 'nomyo-v1', 'ehbp', 'ohttp'] as const;
export type StatedProtocol = (typeof STATED_PROTOCOLS)[number];

/**
 * What a router says of its keys: the one document that its long-lived identity signs, and that evidence of a TEE
 * binds (protocol-ohttp §9).
 */
export interface KeyClaims {
  /** Names this set of keys: changes with every rotation. */
  readonly kid: string;
  /** The exact bytes of `application/ohttp-keys`; empty where ohttp is not served. */
  readonly keyConfigs: Uint8Array;
  /** The router's origin, such as `https://router.example`; null where its operator has not named one. */
  readonly origin: string | null;
  /** Grows with every rotation and every start: a client refuses a lower one than it has seen. */
  readonly epoch: number;
  /** Unix time in seconds. */
  readonly issuedAt: number;
  /** Unix time in seconds. */
  readonly expiresAt: number;
  /** The least that the router answers: below it, whoever answers is not the router. */
  readonly minProtocol: StatedProtocol;
  /** SHA-256 of the RSA key's SubjectPublicKeyInfo, hexadecimal; null without nomyo-v1. */
  readonly rsaKeySha256: string | null;
  /** The X25519 key of ehbp, 32 bytes; null without ehbp. */
  readonly ehbpKey: Uint8Array | null;
  readonly software: { readonly name: string; readonly version: string };
}

/** Claims are read up to this length. */
export const MAX_CLAIMS_BYTES = 131_072;

/** The claims' JSON. These very bytes are what is signed: they are never written a second time. */
export function serializeClaims(claims: KeyClaims): Uint8Array<ArrayBuffer> {
  return encodeUtf8(
    JSON.stringify({
      v: 1,
      kid: claims.kid,
      keyConfig: encodeBase64Url(claims.keyConfigs),
      aud: claims.origin,
      epoch: claims.epoch,
      iat: claims.issuedAt,
      exp: claims.expiresAt,
      minProtocol: claims.minProtocol,
      rsaKeySha256: claims.rsaKeySha256,
      ehbpKey: claims.ehbpKey === null ? null : encodeBase64Url(claims.ehbpKey),
      software: claims.software,
    }),
  );
}

/**
 * Parses claims whose signature has been verified.
 * @throws SecurityError `invalid_key_statement`
 */
export function parseClaims(bytes: Uint8Array): KeyClaims {
  const members = bytes.length > MAX_CLAIMS_BYTES ? null : parseObject(bytes);
  if (members === null || members['v'] !== 1) throw invalid('has claims of an unknown form');
  const { kid, aud, epoch, iat, exp, minProtocol, rsaKeySha256, ehbpKey, software } = members;
  const keyConfigs = decodeText(members['keyConfig']);
  const ehbp = ehbpKey === null ? null : decodeText(ehbpKey);
  const protocol = STATED_PROTOCOLS.find((known) => known === minProtocol);
  const isValid =
    typeof kid === 'string' &&
    keyConfigs !== null &&
    (aud === null || typeof aud === 'string') &&
    isSeconds(epoch) &&
    isSeconds(iat) &&
    isSeconds(exp) &&
    protocol !== undefined &&
    (rsaKeySha256 === null || (typeof rsaKeySha256 === 'string' && /^[0-9a-f]{64}$/.test(rsaKeySha256))) &&
    (ehbpKey === null || ehbp?.length === 32);
  if (!isValid) throw invalid('has claims that are not what they should be');
  return {
    kid,
    keyConfigs,
    origin: aud,
    epoch,
    issuedAt: iat,
    expiresAt: exp,
    minProtocol: protocol,
    rsaKeySha256,
    ehbpKey: ehbp,
    software: parseSoftware(software),
  };
}

function parseSoftware(value: unknown): KeyClaims['software'] {
  const { name, version } = isObject(value) ? value : {};
  if (typeof name !== 'string' || typeof version !== 'string') throw invalid('does not name its software');
  return { name, version };
}

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(decodeUtf8(bytes) ?? '');
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function decodeText(value: unknown): Uint8Array<ArrayBuffer> | null {
  return typeof value === 'string' ? decodeBase64Url(value) : null;
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The statement is not one, or not one to be trusted. */
export function invalid(reason: string): SecurityError {
  return new SecurityError(`the router's key statement ${reason}`, { code: 'invalid_key_statement' });
}
