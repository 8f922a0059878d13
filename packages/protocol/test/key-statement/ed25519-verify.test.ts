import { describe, expect, test, vi } from 'vitest';
import { type Ed25519Verify, portableEd25519Verify, webEd25519Verify } from '../../src/key-statement/index.ts';
import { nodeEd25519Verify } from '../../src/node/index.ts';
import { bytes as fromHex } from '../hex.ts';

/** RFC 8032 §7.1, TEST 1 to 3. */
const VECTORS = [
  {
    publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    publicKey: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
] as const;

const IMPLEMENTATIONS: readonly (readonly [string, Ed25519Verify])[] = [
  ['portable', portableEd25519Verify],
  ['web', webEd25519Verify],
  ['node', nodeEd25519Verify],
];

describe.each(IMPLEMENTATIONS)('Ed25519, %s', (_, verify) => {
  test.each(VECTORS)('accepts the signature of RFC 8032 over "$message"', async (vector) => {
    const message = fromHex(vector.message);
    expect(await verify(fromHex(vector.publicKey), message, fromHex(vector.signature))).toBe(true);
  });

  test('says no, and never throws, for a signature, message or key that was changed', async () => {
    const [, { publicKey, message, signature }] = VECTORS;
    const changed = fromHex(signature);
    changed[0] = (changed[0] ?? 0) ^ 1;
    expect(await verify(fromHex(publicKey), fromHex(message), changed)).toBe(false);
    expect(await verify(fromHex(publicKey), fromHex('73'), fromHex(signature))).toBe(false);
    expect(await verify(fromHex(VECTORS[0].publicKey), fromHex(message), fromHex(signature))).toBe(false);
    expect(await verify(fromHex(publicKey).subarray(1), fromHex(message), fromHex(signature))).toBe(false);
    expect(await verify(fromHex(publicKey), fromHex(message), fromHex(signature).subarray(1))).toBe(false);
    expect(await verify(new Uint8Array(32).fill(0xff), fromHex(message), fromHex(signature))).toBe(false);
  });

  test('says no to a signature whose scalar was raised by the order of the group', async () => {
    // RFC 8032 §5.1.7: S must be below L, or every signature has a second form.
    const [{ publicKey, message, signature }] = VECTORS;
    const raised = fromHex(signature);
    const order = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');
    let carry = 0;
    for (let index = 0; index < 32; index++) {
      const sum = (raised[32 + index] ?? 0) + (order[index] ?? 0) + carry;
      raised[32 + index] = sum & 0xff;
      carry = sum >> 8;
    }
    expect(await verify(fromHex(publicKey), fromHex(message), raised)).toBe(false);
  });
});

test('a runtime without Ed25519 says so instead of calling every signature wrong', async () => {
  const refusal = new DOMException('unrecognized name', 'NotSupportedError');
  vi.spyOn(crypto.subtle, 'importKey').mockRejectedValueOnce(refusal);
  const [{ publicKey, message, signature }] = VECTORS;
  await expect(webEd25519Verify(fromHex(publicKey), fromHex(message), fromHex(signature))).rejects.toMatchObject({
    code: 'unsupported_runtime',
  });
});
