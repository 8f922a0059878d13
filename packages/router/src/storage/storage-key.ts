import { Buffer } from 'node:buffer';
import { hkdfSync, randomBytes } from 'node:crypto';
import { ConfigurationError } from '@sotto/protocol';
import { type Environment, readSecret } from '../config/secrets.ts';

/** Bytes of a storage key and of everything derived from it. */
const KEY_BYTES = 32;
/** RFC 4648 §4: 32 bytes are 43 characters and one of padding. */
const KEY_TEXT = /^[A-Za-z0-9+/]{43}=$/;

/** Where the storage key is written. */
export interface StorageKeySource {
  readonly key?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly keyEnv?: string | undefined;
}

/**
 * Reads the key that everything kept is hashed and sealed under: 32 bytes in base64.
 * @param lasting whether what is kept outlives the process; if not, a key that does not is made
 * @throws ConfigurationError `invalid_config`
 */
export async function readStorageKey(
  source: StorageKeySource | undefined,
  environment: Environment,
  lasting: boolean,
): Promise<Uint8Array> {
  const { key, keyFile, keyEnv } = source ?? {};
  const text = await readSecret({ value: key, file: keyFile, env: keyEnv }, environment, 'storageKey');
  if (text === null) {
    if (!lasting) return new Uint8Array(randomBytes(KEY_BYTES));
    throw invalid('a database that lasts needs one: make it with `openssl rand -base64 32` and keep it apart');
  }
  const bytes = Buffer.from(text, 'base64');
  // Whoever writes the last character freely has two texts for one key: only the canonical one is taken.
  if (!KEY_TEXT.test(text) || bytes.toString('base64') !== text) throw invalid('give 32 bytes in base64');
  return new Uint8Array(bytes);
}

function invalid(wanted: string): ConfigurationError {
  return new ConfigurationError(`storageKey: ${wanted}`, { code: 'invalid_config' });
}

/**
 * Derives a key for one purpose: HKDF-SHA-256 (RFC 5869) without salt, for the storage key is uniform (§3.1).
 * @param label the purpose: `sotto/conversations/v1`
 * @returns 32 bytes
 */
export function deriveKey(storageKey: Uint8Array, label: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', storageKey, new Uint8Array(0), label, KEY_BYTES));
}
