import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { SECURITY_TIERS, SecurityError } from '@sotto/protocol';
import { z } from 'zod';
import type { StoredConversation } from './conversation-store.ts';
import { type History, MAX_HISTORY_BYTES } from './history.ts';
import { paddedLength } from './size-class.ts';

const CIPHER = 'aes-256-gcm';
/** NIST SP 800-38D §8.2: a nonce of 96 bits. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const LABEL = 'sotto/conversation/v1';
/** Before the padding stands the JSON's length, 32 bits, most significant byte first. */
const LENGTH_BYTES = 4;
const MAX_SEALED_BYTES = NONCE_BYTES + paddedLength(LENGTH_BYTES + MAX_HISTORY_BYTES) + TAG_BYTES;

/** What a history is bound to: in another row, or beside other members of this one, it does not open. */
export type SealedTo = Omit<StoredConversation, 'sealed'>;

const historySchema = z.object({
  tier: z.enum(SECURITY_TIERS),
  turns: z.array(z.object({ message: z.string(), answer: z.string() })),
});

/**
 * Seals a history, padded, with AES-256-GCM: nonce (12 bytes), ciphertext, tag (16 bytes). Each conversation has a
 * key of its own, so that random nonces do not run out (NIST SP 800-38D §8.3: 2^32 a key).
 * @param sealKey 32 bytes
 */
export function sealHistory(sealKey: Uint8Array, to: SealedTo, { tier, turns }: History): Uint8Array {
  const json = Buffer.from(JSON.stringify({ tier, turns }));
  const plaintext = Buffer.alloc(paddedLength(LENGTH_BYTES + json.length));
  plaintext.writeUInt32BE(json.length);
  json.copy(plaintext, LENGTH_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, conversationKey(sealKey, to.id), nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associatedData(to));
  const sealed = Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  json.fill(0);
  plaintext.fill(0);
  return sealed;
}

/**
 * Opens a sealed history.
 * @throws SecurityError `decryption_failed`, whatever is wrong with it
 */
export function openHistory(sealKey: Uint8Array, to: SealedTo, sealed: Uint8Array): History {
  if (sealed.length > NONCE_BYTES + LENGTH_BYTES + TAG_BYTES && sealed.length <= MAX_SEALED_BYTES) {
    try {
      return historySchema.parse(JSON.parse(open(sealKey, to, sealed)));
    } catch {
      // Neither the cipher's words nor the parser's, which quote the text, leave this function.
    }
  }
  throw new SecurityError('a stored conversation cannot be decrypted', { code: 'decryption_failed' });
}

function open(sealKey: Uint8Array, to: SealedTo, sealed: Uint8Array): string {
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const cipher = createDecipheriv(CIPHER, conversationKey(sealKey, to.id), nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associatedData(to));
  cipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const plaintext = Buffer.concat([cipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), cipher.final()]);
  const text = plaintext.toString('utf8', LENGTH_BYTES, LENGTH_BYTES + plaintext.readUInt32BE());
  plaintext.fill(0);
  return text;
}

function conversationKey(sealKey: Uint8Array, id: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', sealKey, id, LABEL, KEY_BYTES));
}

/** JSON of a list: no two bindings are written alike. */
function associatedData({ id, chatbotId, keyId, version, expiresAtMs }: SealedTo): Buffer {
  return Buffer.from(JSON.stringify([LABEL, id, chatbotId, keyId, version, expiresAtMs]));
}
