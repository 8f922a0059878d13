import { ml_kem768_x25519 } from '@noble/post-quantum/hybrid.js';
import { describe, expect, test } from 'vitest';
import { mlkem768X25519Noble } from '../../src/hpke/mlkem-kems.ts';
import { webCryptoX25519 } from '../../src/hpke/x25519.ts';
import { nobleMlKem768 } from '../../src/node/hpke/ml-kem.ts';
import { makeXWingKem, xWingKem } from '../../src/node/hpke/ml-kem-kems.ts';
import { bytes, hex } from '../hex.ts';
import { withSharedVectors } from '../shared-folder.ts';

interface Vector {
  readonly sk: string;
  readonly eseed: string;
  readonly ss: string;
  readonly pk: string;
  readonly ct: string;
}

withSharedVectors<{ vectors: readonly Vector[] }>('xwing/draft-connolly-xwing.json', ({ vectors }) => {
  describe.each([
    ['the best ML-KEM of this Node', xWingKem],
    ["noble's ML-KEM", makeXWingKem(() => nobleMlKem768)],
  ])('X-Wing with %s', (_name, kem) => {
    test.each(vectors)('makes the key, the ciphertext and the secret of seed $sk', ({ sk, eseed, ss, pk, ct }) => {
      const privateKey = kem.importPrivateKey(bytes(sk));
      expect(hex(privateKey.publicKey)).toBe(pk);
      const encapsulated = kem.importPublicKey(bytes(pk)).encapsulate(bytes(eseed));
      expect(hex(encapsulated.enc)).toBe(ct);
      expect(hex(encapsulated.sharedSecret)).toBe(ss);
      expect(hex(privateKey.decapsulate(bytes(ct)))).toBe(ss);
    });
  });

  test.each(vectors)('the portable X-Wing makes the key and the secret of seed $sk', async ({ sk, ss, pk, ct }) => {
    const kem = mlkem768X25519Noble(webCryptoX25519)();
    const privateKey = await kem.DeserializePrivateKey(bytes(sk), false);
    expect(hex(await kem.SerializePublicKey(privateKey))).toBe(pk);
    expect(hex(await kem.Decap(bytes(ct), privateKey, undefined))).toBe(ss);
  });
});

test('what the portable X-Wing encapsulates, an independent implementation decapsulates', async () => {
  const kem = mlkem768X25519Noble(webCryptoX25519)();
  const { publicKey, secretKey } = ml_kem768_x25519.keygen();
  const { enc, shared_secret } = await kem.Encap(await kem.DeserializePublicKey(publicKey));
  expect(hex(ml_kem768_x25519.decapsulate(enc, secretKey))).toBe(hex(shared_secret));
});
