import { decodeBase64Url } from '../base64url.ts';
import { decodeUtf8 } from '../bytes.ts';
import { SecurityError } from '../errors.ts';
import { type ClaimedSoftware, type KeyClaims, STATED_PROTOCOLS, type StatedProtocol } from './claims.ts';

/** Claims are read up to this length. */
export const MAX_CLAIMS_BYTES = 131_072;
const MAX_TEXT_CHARACTERS = 256;
const KEY_BYTES = 32; // RFC 7748 §5 and RFC 8032 §5.1.5

type Members = Readonly<Record<string, unknown>>;

/**
 * Parses claims whose signature, or whose binding by evidence, has been verified.
 *
 * Members of an unknown name are passed over, so that later routers can say more; a member that must be understood
 * comes with another `v`.
 * @throws SecurityError `invalid_key_statement`
 */
export function parseClaims(bytes: Uint8Array): KeyClaims {
  const members = bytes.length > MAX_CLAIMS_BYTES ? null : parseObject(bytes);
  if (members === null || members['v'] !== 1) throw invalid('has claims of an unknown form');
  return {
    kid: text(members, 'kid'),
    keyConfigs: base64Url(members, 'keyConfig'),
    origin: orNull(text)(members, 'aud'),
    epoch: seconds(members, 'epoch'),
    issuedAt: seconds(members, 'iat'),
    expiresAt: seconds(members, 'exp'),
    minProtocol: protocol(members, 'minProtocol'),
    rsaKeySha256: orNull(sha256)(members, 'rsaKeySha256'),
    ehbpKey: orNull(key)(members, 'ehbpKey'),
    software: software(members['software']),
    tlsSpkiSha256: orAbsent(sha256)(members, 'tlsSpkiSha256'),
    upstreamPolicySha256: orAbsent(sha256)(members, 'upstreamPolicySha256'),
    receiptKey: orAbsent(key)(members, 'receiptKey'),
    insecure: orAbsent(onlyTrue)(members, 'insecure'),
  };
}

/** The statement is not one, or not one to be trusted. */
export function invalid(reason: string): SecurityError {
  return new SecurityError(`the router's key statement ${reason}`, { code: 'invalid_key_statement' });
}

/** An object and nothing else: no list, no null. */
export function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Read<T> = (members: Members, name: string) => T;

/** Reads a member that is there, and may say null. */
function orNull<T>(read: Read<T>): Read<T | null> {
  return (members, name) => (members[name] === null ? null : read(members, name));
}

/** Reads a member that need not be there; one that is, and wrong, is never taken for absent. */
function orAbsent<T>(read: Read<T>): Read<T | undefined> {
  return (members, name) => (Object.hasOwn(members, name) ? read(members, name) : undefined);
}

function text(members: Members, name: string): string {
  const value = members[name];
  if (typeof value === 'string' && value.length > 0 && value.length <= MAX_TEXT_CHARACTERS) return value;
  throw wrong(name);
}

function seconds(members: Members, name: string): number {
  const value = members[name];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw wrong(name);
}

function base64Url(members: Members, name: string): Uint8Array {
  const value = members[name];
  const bytes = typeof value === 'string' ? decodeBase64Url(value) : null;
  if (bytes !== null) return bytes;
  throw wrong(name);
}

function key(members: Members, name: string): Uint8Array {
  const bytes = base64Url(members, name);
  if (bytes.length === KEY_BYTES) return bytes;
  throw wrong(name);
}

function sha256(members: Members, name: string): string {
  const value = members[name];
  if (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)) return value;
  throw wrong(name);
}

function protocol(members: Members, name: string): StatedProtocol {
  const found = STATED_PROTOCOLS.find((known) => known === members[name]);
  if (found !== undefined) return found;
  throw wrong(name);
}

function onlyTrue(members: Members, name: string): true {
  if (members[name] === true) return true;
  throw wrong(name);
}

function software(value: unknown): ClaimedSoftware {
  const members = isObject(value) ? value : {};
  return {
    name: text(members, 'name'),
    version: text(members, 'version'),
    commit: orAbsent(text)(members, 'commit'),
    imageDigest: orAbsent(text)(members, 'imageDigest'),
  };
}

function parseObject(bytes: Uint8Array): Members | null {
  try {
    const value: unknown = JSON.parse(decodeUtf8(bytes) ?? '');
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function wrong(name: string): SecurityError {
  return invalid(`has claims whose member ${name} is missing or malformed`);
}
