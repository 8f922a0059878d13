import { shake128 } from '@noble/hashes/sha3.js';
import { expect, test } from 'vitest';
import { aeadKeyBytes, KDF_HKDF_SHA256, KEM_X25519 } from '../../src/hpke/index.ts';
import { NodeHpke } from '../../src/node/hpke/node-hpke.ts';
import type { NodeEncapsulationKey } from '../../src/node/hpke/node-kem.ts';
import { x25519Kem } from '../../src/node/hpke/x25519-kem.ts';
import { bytes, hex } from '../hex.ts';
import { withSharedVectors } from '../shared-folder.ts';

interface Vector {
  readonly kem_id: number;
  readonly kdf_id: number;
  readonly aead_id: number;
  readonly info: string;
  readonly ikmE: string;
  readonly ikmR: string;
  readonly pkRm: string;
  readonly enc: string;
  readonly encryptions_accumulated: string;
  readonly exports_accumulated: string;
}

const ROUNDS = 1_000;

class FixedHpke extends NodeHpke {
  readonly #ephemeral: Uint8Array;
  constructor(ephemeral: Uint8Array) {
    super();
    this.#ephemeral = ephemeral;
  }
  protected override encapsulate(key: NodeEncapsulationKey) {
    return key.encapsulate(this.#ephemeral);
  }
}

/** Inputs of 0 to 255 bytes out of SHAKE128: a byte for the length, then the bytes. */
function drawInputs(): () => Uint8Array {
  const source = shake128.create();
  return () => source.xof(source.xof(1)[0] ?? 0);
}

withSharedVectors<{ vectors: readonly Vector[] }>('hpke/rfc9180-accumulated.json', ({ vectors }) => {
  const used = vectors.filter(
    (one) => one.kem_id === KEM_X25519 && one.kdf_id === KDF_HKDF_SHA256 && aeadKeyBytes(one.aead_id) !== null,
  );

  test('there is a vector for X25519 with each AEAD', () => {
    expect(used.map((one) => one.aead_id).sort()).toEqual([1, 2, 3]);
  });

  test.each(used)('a thousand messages and exports accumulate as published, AEAD $aead_id', async (vector) => {
    const suite = { kemId: vector.kem_id, kdfId: vector.kdf_id, aeadId: vector.aead_id };
    const provider = new FixedHpke(x25519Kem.derivePrivateKey(bytes(vector.ikmE)));
    const keyPair = provider.deriveKeyPair(vector.kem_id, bytes(vector.ikmR));
    const publicKey = provider.importPublicKey(vector.kem_id, bytes(vector.pkRm));
    const { enc, context } = provider.setupSender(suite, publicKey, bytes(vector.info));
    expect(hex(enc)).toBe(vector.enc);
    const receiver = provider.setupReceiver(suite, keyPair, enc, bytes(vector.info));

    const sealed = shake128.create();
    const draw = drawInputs();
    for (let round = 0; round < ROUNDS; round++) {
      const aad = draw();
      const plaintext = draw();
      const ciphertext = context.seal(plaintext, aad);
      sealed.update(ciphertext);
      expect(hex(receiver.open(ciphertext, aad))).toBe(hex(plaintext));
    }
    expect(hex(sealed.xof(16))).toBe(vector.encryptions_accumulated);

    const exported = shake128.create();
    const drawContext = drawInputs();
    for (let length = 0; length < ROUNDS; length++) exported.update(receiver.export(drawContext(), length));
    expect(hex(exported.xof(16))).toBe(vector.exports_accumulated);
  });
});
