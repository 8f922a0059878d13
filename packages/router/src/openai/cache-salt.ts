import { hash } from 'node:crypto';

/** Salts that are remembered; a router has far fewer keys. */
const MAX_REMEMBERED = 10_000;

/**
 * Makes the salts that keep one key's prompts apart from another's in an upstream's prompt cache: whoever shares a
 * cache can tell by its speed what others have asked. A caller's own salt keeps their users apart, within their key.
 * @param secret nobody who does not hold it can make another key's salt
 */
export function cacheSalts(secret: string): (keyId: string, own: string) => string {
  const remembered = new Map<string, string>();
  return (keyId, own) => {
    const known = own === '' ? remembered.get(keyId) : undefined;
    if (known !== undefined) return known;
    // Each part has its own fixed length: no key and salt can be mistaken for another key and salt.
    const salt = hash('sha256', `${secret}${hash('sha256', keyId)}${hash('sha256', own)}`, 'base64url');
    if (own === '' && remembered.size < MAX_REMEMBERED) remembered.set(keyId, salt);
    return salt;
  };
}
