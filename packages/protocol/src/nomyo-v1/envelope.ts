import { apiError } from '../api-error.ts';
import { decodeUtf8 } from '../bytes.ts';
import type { CryptoProvider } from '../crypto-provider.ts';
import type { SottoError } from '../errors.ts';

/** Bytes of an AES-GCM nonce (NIST SP 800-38D §8.2.1). */
export const NONCE_BYTES = 12;
/** Bytes of an AES-GCM tag; a shorter one is a forgery waiting to happen and is refused. */
export const TAG_BYTES = 16;
/** Bytes of an AES-256 key. */
export const CONTENT_KEY_BYTES = 32;
/** The longest plaintext an envelope holds: 10 MiB. */
export const MAX_PAYLOAD_BYTES = 10 * 1024 * 1024;
/** Wrapped key (684 characters at most), nonce, tag, member names, and room for spaces. */
const ENVELOPE_OVERHEAD_BYTES = 4_096;
/** The longest body that can hold an acceptable envelope; a longer one is refused before it is read. */
export const MAX_ENVELOPE_BYTES = Math.ceil((MAX_PAYLOAD_BYTES + TAG_BYTES) / 3) * 4 + ENVELOPE_OVERHEAD_BYTES;

export const ENVELOPE_VERSION = '1.0';
export const ENVELOPE_ALGORITHM = 'hybrid-aes256-rsa4096';
const KEY_ALGORITHM = 'RSA-OAEP-SHA256';
const PAYLOAD_ALGORITHM = 'AES-256-GCM';

/**
 * Where the GCM tag is: a member of its own (NOMYO's Python client, and ours), or the last 16 bytes of the
 * ciphertext (NOMYO's JavaScript client). Each of them reads only its own form.
 */
export type TagStyle = 'separate' | 'appended';

/** A parsed envelope: lengths are checked, nothing is authenticated yet. */
export interface Envelope {
  /** The content key under RSA-OAEP. */
  readonly wrappedKey: Uint8Array;
  /** 12 bytes. */
  readonly nonce: Uint8Array;
  /** Ciphertext ‖ 16-byte tag. */
  readonly sealed: Uint8Array;
  readonly tagStyle: TagStyle;
}

/** What an answer's envelope holds beside a request's. */
export interface ResponseEnvelope extends Envelope {
  /** Unix time in seconds, not authenticated; null where the router sent none. */
  readonly processedAt: number | null;
  /** See binding.ts; null where the router sent none. */
  readonly mac: Uint8Array | null;
}

/** Writes the envelope's JSON. */
export function serializeEnvelope(
  provider: CryptoProvider,
  envelope: Envelope,
  extra: { readonly processedAt?: number; readonly mac?: Uint8Array | null } = {},
): string {
  const boundary = envelope.tagStyle === 'separate' ? envelope.sealed.length - TAG_BYTES : envelope.sealed.length;
  const tag = envelope.sealed.subarray(boundary);
  return JSON.stringify({
    version: ENVELOPE_VERSION,
    algorithm: ENVELOPE_ALGORITHM,
    encrypted_payload: {
      ciphertext: provider.encodeBase64(envelope.sealed.subarray(0, boundary)),
      nonce: provider.encodeBase64(envelope.nonce),
      ...(tag.length > 0 ? { tag: provider.encodeBase64(tag) } : {}),
    },
    encrypted_aes_key: provider.encodeBase64(envelope.wrappedKey),
    key_algorithm: KEY_ALGORITHM,
    payload_algorithm: PAYLOAD_ALGORITHM,
    ...(extra.processedAt === undefined ? {} : { processed_at: extra.processedAt }),
    ...(extra.mac ? { sotto_mac: provider.encodeBase64(extra.mac) } : {}),
  });
}

/**
 * Parses a request's envelope.
 * @throws PayloadTooLargeError `payload_too_large`
 * @throws InvalidRequestError `invalid_envelope`, `unsupported_version`, `unsupported_algorithm`
 */
export function parseEnvelope(provider: CryptoProvider, body: Uint8Array): Envelope {
  return readEnvelope(provider, parseObject(body));
}

/** Parses an answer's envelope; throws like {@link parseEnvelope}. */
export function parseResponseEnvelope(provider: CryptoProvider, body: Uint8Array): ResponseEnvelope {
  const members = parseObject(body);
  const { processed_at: processedAt, sotto_mac: mac } = members;
  return {
    ...readEnvelope(provider, members),
    processedAt: typeof processedAt === 'number' ? processedAt : null,
    mac: mac === undefined ? null : base64Member(provider, mac, 'sotto_mac'),
  };
}

type Members = Readonly<Record<string, unknown>>;

function parseObject(body: Uint8Array): Members {
  if (body.length > MAX_ENVELOPE_BYTES) {
    throw apiError('payload_too_large', `an envelope has at most ${MAX_ENVELOPE_BYTES} bytes`);
  }
  const text = decodeUtf8(body);
  let parsed: unknown;
  try {
    parsed = text === null ? null : JSON.parse(text);
  } catch {
    throw invalid('is not JSON');
  }
  if (!isMembers(parsed)) throw invalid('is not a JSON object in UTF-8');
  return parsed;
}

function readEnvelope(provider: CryptoProvider, members: Members): Envelope {
  if (members['version'] !== ENVELOPE_VERSION) {
    throw apiError('unsupported_version', `the envelope's version must be "${ENVELOPE_VERSION}"`, { param: 'version' });
  }
  expectAlgorithm(members, 'algorithm', ENVELOPE_ALGORITHM);
  expectAlgorithm(members, 'key_algorithm', KEY_ALGORITHM);
  expectAlgorithm(members, 'payload_algorithm', PAYLOAD_ALGORITHM);

  const payload = members['encrypted_payload'];
  if (!isMembers(payload)) throw invalid('has no object encrypted_payload');
  const nonce = base64Member(provider, payload['nonce'], 'encrypted_payload.nonce');
  if (nonce.length !== NONCE_BYTES) throw invalid(`has a nonce of another length than ${NONCE_BYTES} bytes`);
  const wrappedKey = base64Member(provider, members['encrypted_aes_key'], 'encrypted_aes_key');
  const ciphertext = base64Member(provider, payload['ciphertext'], 'encrypted_payload.ciphertext');
  const tagText = payload['tag'];
  if (tagText === undefined) {
    checkSealedLength(ciphertext.length);
    return { wrappedKey, nonce, sealed: ciphertext, tagStyle: 'appended' };
  }
  const tag = base64Member(provider, tagText, 'encrypted_payload.tag');
  if (tag.length !== TAG_BYTES) throw invalid(`has a tag of another length than ${TAG_BYTES} bytes`);
  checkSealedLength(ciphertext.length + TAG_BYTES);
  const sealed = new Uint8Array(ciphertext.length + TAG_BYTES);
  sealed.set(ciphertext);
  sealed.set(tag, ciphertext.length);
  return { wrappedKey, nonce, sealed, tagStyle: 'separate' };
}

function expectAlgorithm(members: Members, name: string, expected: string): void {
  if (members[name] !== expected) {
    throw apiError('unsupported_algorithm', `the envelope's ${name} must be "${expected}"`, { param: name });
  }
}

function checkSealedLength(length: number): void {
  if (length < TAG_BYTES) throw invalid('has a ciphertext shorter than its tag');
  if (length > MAX_PAYLOAD_BYTES + TAG_BYTES) {
    throw apiError('payload_too_large', `a payload has at most ${MAX_PAYLOAD_BYTES} bytes`);
  }
}

function base64Member(provider: CryptoProvider, value: unknown, name: string): Uint8Array {
  const bytes = typeof value === 'string' ? provider.decodeBase64(value) : null;
  if (bytes === null) throw invalid(`has no standard base64 in ${name}`, name);
  return bytes;
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(reason: string, param: string | null = null): SottoError {
  return apiError('invalid_envelope', `the envelope ${reason}`, { param });
}
