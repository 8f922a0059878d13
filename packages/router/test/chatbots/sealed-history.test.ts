import { createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { History } from '../../src/chatbots/history.ts';
import { openHistory, type SealedTo, sealHistory } from '../../src/chatbots/sealed-history.ts';
import { paddedLength } from '../../src/chatbots/size-class.ts';

const key = new Uint8Array(randomBytes(32));
const to: SealedTo = { id: 'conv_1', chatbotId: 'bot', keyId: 'key', version: 3, expiresAtMs: 7 };
const history: History = { tier: 'high', turns: [{ message: 'what?', answer: 'that' }] };

/** HKDF-SHA-256 to one block, written out (RFC 5869 §2). */
function hkdf(secret: Uint8Array, salt: string, info: string): Buffer {
  const extracted = createHmac('sha256', salt).update(secret).digest();
  return createHmac('sha256', extracted)
    .update(Buffer.concat([Buffer.from(info), Uint8Array.of(1)]))
    .digest();
}

describe('a sealed history', () => {
  test('is nonce, ciphertext and tag under the conversation’s own key, bound to its row', () => {
    const sealed = Buffer.from(sealHistory(key, to, history));
    const own = hkdf(key, 'conv_1', 'sotto/conversation/v1');
    const cipher = createDecipheriv('aes-256-gcm', own, sealed.subarray(0, 12), { authTagLength: 16 });
    cipher.setAAD(Buffer.from('["sotto/conversation/v1","conv_1","bot","key",3,7]'));
    cipher.setAuthTag(sealed.subarray(-16));
    const plaintext = Buffer.concat([cipher.update(sealed.subarray(12, -16)), cipher.final()]);
    const json = '{"tier":"high","turns":[{"message":"what?","answer":"that"}]}';
    expect(plaintext.readUInt32BE()).toBe(json.length);
    expect(plaintext.toString('utf8', 4, 4 + json.length)).toBe(json);
    expect(plaintext.subarray(4 + json.length).every((byte) => byte === 0)).toBe(true);
    expect(plaintext).toHaveLength(1_024);
  });

  test('opens to what was sealed', () => {
    expect(openHistory(key, to, sealHistory(key, to, history))).toEqual(history);
    const long = { tier: 'standard', turns: [{ message: 'ü'.repeat(200_000), answer: '😀' }] } as const;
    expect(openHistory(key, to, sealHistory(key, to, long))).toEqual(long);
  });

  test('does not open where any byte of it is another one, and never says which', () => {
    const sealed = sealHistory(key, to, history);
    const messages = new Set<string>();
    for (let at = 0; at < sealed.length; at++) {
      const changed = Uint8Array.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => openHistory(key, to, changed)).toThrow(expect.objectContaining({ code: 'decryption_failed' }));
      try {
        openHistory(key, to, changed);
      } catch (error) {
        messages.add(String(error));
      }
    }
    expect(messages.size).toBe(1);
  });

  test('does not open where it is shorter by any number of bytes', () => {
    const sealed = sealHistory(key, to, history);
    for (let length = 0; length < sealed.length; length++) {
      expect(() => openHistory(key, to, sealed.subarray(0, length))).toThrow(
        expect.objectContaining({ code: 'decryption_failed' }),
      );
    }
  });

  test.each([
    { ...to, id: 'conv_2' },
    { ...to, chatbotId: 'other' },
    { ...to, keyId: 'other' },
    { ...to, version: 2 },
    { ...to, expiresAtMs: 8 },
  ])('does not open as %o', (other) => {
    const sealed = sealHistory(key, to, history);
    expect(() => openHistory(key, other, sealed)).toThrow(expect.objectContaining({ code: 'decryption_failed' }));
  });

  test('does not open with another key', () => {
    const sealed = sealHistory(key, to, history);
    const other = new Uint8Array(randomBytes(32));
    expect(() => openHistory(other, to, sealed)).toThrow(expect.objectContaining({ code: 'decryption_failed' }));
  });
});

describe('the length that a history is padded to', () => {
  // By hand: 1,025 has the exponent 10, which is 4 bits long, so 4 bits behind the first stay: steps of 2^6.
  test.each([
    [0, 1_024],
    [1_024, 1_024],
    [1_025, 1_088],
    [1_088, 1_088],
    [2_047, 2_048],
    [65_537, 67_584],
    [1_000_000, 1_015_808],
  ])('of %i bytes is %i', (bytes, padded) => {
    expect(paddedLength(bytes)).toBe(padded);
  });

  test('is never shorter, and at most an eighth longer', () => {
    for (let bytes = 1_025; bytes < 2_000_000; bytes += 997) {
      const padded = paddedLength(bytes);
      expect(padded).toBeGreaterThanOrEqual(bytes);
      expect(padded).toBeLessThanOrEqual(bytes * 1.125);
    }
  });
});
