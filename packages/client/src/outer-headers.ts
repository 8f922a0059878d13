import { ConfigurationError } from '@sotto/protocol';

/** Header fields of the caller's own; null takes a default one away. They travel in clear. */
export type HeaderOptions = Readonly<Record<string, string | null>>;

/** Fields that the protocol itself writes, or that would smuggle a second body. */
const RESERVED = new Set([
  'authorization',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'host',
  'transfer-encoding',
  'x-payload-id',
  'x-public-key',
  'x-security-tier',
]);

const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/; // RFC 9110 §5.6.2: token
const VALUE = /^[\t\x20-\x7e]*$/; // RFC 9110 §5.5, without obs-text

/**
 * Checks and merges header fields, later ones over earlier ones.
 * @returns names in lower case
 * @throws ConfigurationError `invalid_option` for a malformed field, and for one that the client writes itself
 */
export function mergeHeaders(...layers: readonly HeaderOptions[]): Readonly<Record<string, string>> {
  const merged = new Map<string, string>();
  for (const layer of layers) {
    for (const [name, value] of Object.entries(layer)) {
      const field = name.toLowerCase();
      // The value is not quoted: it may be a credential.
      if (!NAME.test(field) || (value !== null && !VALUE.test(value))) throw invalid(`"${field}" is malformed`);
      if (RESERVED.has(field)) throw invalid(`"${field}" is written by the client itself`);
      if (value === null) merged.delete(field);
      else merged.set(field, value);
    }
  }
  return Object.fromEntries(merged);
}

function invalid(reason: string): ConfigurationError {
  return new ConfigurationError(`the header field ${reason}`, { code: 'invalid_option' });
}

/** @throws ConfigurationError `invalid_option` for a key that no header field can carry */
export function checkApiKey(apiKey: string): string {
  if (!/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new ConfigurationError('the API key holds a space or a character that no header takes', {
      code: 'invalid_option',
    });
  }
  return apiKey;
}
