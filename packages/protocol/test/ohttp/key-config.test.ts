import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes } from '../../src/bytes.ts';
import { KEM_MLKEM768_X25519, KEM_X25519 } from '../../src/hpke/index.ts';
import { nodeHpke } from '../../src/node/index.ts';
import {
  encodeKeyConfig,
  encodeKeyConfigs,
  type KeyConfig,
  parseKeyConfigs,
  selectKeyConfig,
} from '../../src/ohttp/index.ts';
import { errorCode } from '../error-code.ts';

const suites = [
  { kdfId: 1, aeadId: 2 },
  { kdfId: 1, aeadId: 3 },
];
const classical: KeyConfig = { keyId: 3, kemId: KEM_X25519, publicKey: new Uint8Array(32).fill(5), suites };
const hybrid: KeyConfig = { keyId: 4, kemId: KEM_MLKEM768_X25519, publicKey: new Uint8Array(1216).fill(6), suites };
const unknown = concatBytes(Uint8Array.of(9, 0x7f, 0xff), new Uint8Array(50));
const listed = (...configs: Uint8Array[]) =>
  concatBytes(...configs.flatMap((one) => [Uint8Array.of(one.length >> 8, one.length & 0xff), one]));
const policy = (kemIds: number[], aeadIds = [2, 1, 3]) => ({
  kemIds,
  aeadIds,
  supports: nodeHpke.supports.bind(nodeHpke),
});

describe('parses', () => {
  test('a list, in its order', () => {
    expect(parseKeyConfigs(encodeKeyConfigs([hybrid, classical]))).toEqual([hybrid, classical]);
  });

  test.each([
    ['X25519', classical],
    ['the hybrid', hybrid],
  ])('a bare configuration of %s', (_name, config) => {
    expect(parseKeyConfigs(encodeKeyConfig(config))).toEqual([config]);
  });

  test('a list without its configurations of unknown KEMs', () => {
    expect(parseKeyConfigs(listed(unknown, encodeKeyConfig(classical)))).toEqual([classical]);
  });

  test('whatever it encoded, for any key id, both as a list and bare', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.uint8Array({ minLength: 32, maxLength: 32 }), (keyId, publicKey) => {
        const config = { ...classical, keyId, publicKey };
        expect(parseKeyConfigs(encodeKeyConfig(config))).toEqual([config]);
        expect(parseKeyConfigs(encodeKeyConfigs([config, hybrid]))).toEqual([config, hybrid]);
      }),
    );
  });
});

describe('refuses', () => {
  const bare = encodeKeyConfig(classical);
  test.each([
    ['nothing', new Uint8Array(0)],
    ['a configuration without suites', concatBytes(bare.subarray(0, 35), Uint8Array.of(0, 0))],
    ['half a suite', concatBytes(bare.subarray(0, 35), Uint8Array.of(0, 2, 0, 1))],
    ['bytes after the last suite', concatBytes(bare, Uint8Array.of(0))],
    ['a length that does not fit', encodeKeyConfigs([classical]).subarray(0, 2)],
    ['a list of which one is malformed', listed(encodeKeyConfig(hybrid), bare.subarray(0, 20))],
    ['more than 65,536 bytes', new Uint8Array(65_537)],
  ])('%s', (_what, bytes) => {
    expect(errorCode(() => parseKeyConfigs(bytes))).toBe('invalid_key_config');
  });

  test('a configuration cut at any byte', () => {
    for (const whole of [bare, encodeKeyConfigs([classical])]) {
      for (let length = 0; length < whole.length; length++) {
        expect(errorCode(() => parseKeyConfigs(whole.subarray(0, length)))).toMatch(
          /^(invalid|unsupported)_key_config$/,
        );
      }
    }
  });

  test('unknown KEMs only', () => {
    expect(errorCode(() => parseKeyConfigs(listed(unknown, unknown)))).toBe('unsupported_key_config');
    expect(errorCode(() => parseKeyConfigs(unknown))).toBe('unsupported_key_config');
  });

  test('rubbish, with a typed error', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => void errorCode(() => parseKeyConfigs(bytes))));
  });
});

describe('the choice of a key', () => {
  test("follows the client's order of KEMs and AEADs, not the gateway's", () => {
    const chosen = selectKeyConfig([classical, hybrid], policy([KEM_MLKEM768_X25519, KEM_X25519], [3, 2]));
    expect(chosen).toEqual({ config: hybrid, suite: { kemId: KEM_MLKEM768_X25519, kdfId: 1, aeadId: 3 } });
  });

  test('does not go below the KEMs that the client allows', () => {
    expect(errorCode(() => selectKeyConfig([classical], policy([KEM_MLKEM768_X25519])))).toBe('unsupported_key_config');
  });

  test('does not use a suite that the client or the runtime does not have', () => {
    expect(errorCode(() => selectKeyConfig([classical], policy([KEM_X25519], [1])))).toBe('unsupported_key_config');
    const sha512 = { ...classical, suites: [{ kdfId: 3, aeadId: 2 }] };
    expect(errorCode(() => selectKeyConfig([sha512], policy([KEM_X25519])))).toBe('unsupported_key_config');
  });
});
