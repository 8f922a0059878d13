import type { Token } from 'node-llama-cpp';
import { describe, expect, it } from 'vitest';
import { TokenDecoder } from '../../../src/upstreams/builtin/token-decoder.ts';

/** A tokenizer whose tokens are bytes. */
const byteModel = {
  detokenize: (tokens: readonly Token[]) => new TextDecoder().decode(Uint8Array.from(tokens)),
};

function bytesOf(text: string): Token[] {
  return [...new TextEncoder().encode(text)].map((byte) => byte as Token);
}

describe('a token decoder', () => {
  it('gives a character out with its last byte', () => {
    const decoder = new TokenDecoder(byteModel, []);
    expect(bytesOf('aé😀b').map((token) => decoder.push(token))).toEqual(['a', '', 'é', '', '', '', '😀', 'b']);
    expect(decoder.flush()).toBe('');
  });

  it('marks what never became a character', () => {
    const decoder = new TokenDecoder(byteModel, []);
    expect(
      bytesOf('a😀')
        .slice(0, 3)
        .map((token) => decoder.push(token)),
    ).toEqual(['a', '', '']);
    expect(decoder.flush()).toMatch(/^\uFFFD+$/);
    expect(decoder.flush()).toBe('');
  });

  it('gives up on bytes that never make a character, instead of keeping all of them', () => {
    const decoder = new TokenDecoder(byteModel, []);
    const shown = Array.from({ length: 16 }, () => decoder.push(0xff as Token)).join('');
    expect(shown).toBe('\uFFFD'.repeat(16));
  });
});
