import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';

const KEY_BYTES = 32;
const ID_BYTES = 12;
/** Characters of the random part that a hint shows: 24 of its 256 bits. */
const HINT_CHARACTERS = 4;
/** A key with fewer characters would not keep enough of them to itself. */
const MIN_HINTED_CHARACTERS = 32;

/** Makes a virtual key: the prefix, and 32 random bytes in base64url (RFC 4648 §5). */
export function newKey(prefix: string): string {
  return prefix + Buffer.from(randomBytes(KEY_BYTES)).toString('base64url');
}

/** Makes a virtual key's id: `key_` and 24 hexadecimal digits. */
export function newKeyId(): string {
  return `key_${randomBytes(ID_BYTES).toString('hex')}`;
}

/**
 * What of a key may be shown, for people to tell keys apart; of a short one nothing.
 * @param prefix what keys of this router begin with; another system's is known by its form
 */
export function hintOf(key: string, prefix: string): string {
  if (key.length < MIN_HINTED_CHARACTERS) return '';
  const known = key.startsWith(prefix) ? prefix : (/^[A-Za-z]{1,8}_/.exec(key)?.[0] ?? '');
  return key.slice(0, known.length + HINT_CHARACTERS);
}
