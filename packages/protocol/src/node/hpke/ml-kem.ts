import { Buffer } from 'node:buffer';
import * as nodeCrypto from 'node:crypto';
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { MLKEM768_PUBLIC_KEY_BYTES } from '../../hpke/x-wing.ts';
import type { NodeDecapsulationKey, NodeEncapsulationKey } from './node-kem.ts';

/** ML-KEM-768 (FIPS 203): private keys are seeds of 64 bytes. */
export interface MlKem768 {
  /** Throws for bytes that are no key (FIPS 203 §7.2). */
  importPublicKey(bytes: Uint8Array): NodeEncapsulationKey;
  importSeed(seed: Uint8Array): NodeDecapsulationKey;
}

/** noble's, on every Node. Keys are kept expanded, which halves the cost of each use. */
export const nobleMlKem768: MlKem768 = {
  importPublicKey(bytes) {
    const prepared = ml_kem768.prepare(bytes);
    return {
      encapsulate(randomness) {
        const { sharedSecret, cipherText } = prepared.encapsulate(randomness);
        return { sharedSecret, enc: cipherText };
      },
    };
  },
  importSeed(seed) {
    const { publicKey, secretKey } = ml_kem768.keygen(seed);
    const prepared = ml_kem768.prepare(publicKey);
    return { publicKey, decapsulate: (enc) => prepared.decapsulate(enc, secretKey) };
  },
};

/** What Node has from 24.7 on, when its OpenSSL is 3.5 or later; the types of Node 20 do not know it. */
interface NativeKem {
  encapsulate(key: KeyObject): { readonly sharedKey: Uint8Array; readonly ciphertext: Uint8Array };
  decapsulate(key: KeyObject, ciphertext: Uint8Array): Uint8Array;
}

function hasKem(module: object): module is NativeKem {
  return 'encapsulate' in module && 'decapsulate' in module && typeof module.encapsulate === 'function';
}

/** SubjectPublicKeyInfo up to the key's 1,184 bytes: id-alg-ml-kem-768 (draft-ietf-lamps-kyber-certificates §4). */
const SPKI_PREFIX = Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex');
/** PrivateKeyInfo up to the 64 bytes of the seed: the choice [0] of draft-ietf-lamps-kyber-certificates §6. */
const PKCS8_PREFIX = Buffer.from('3054020100300b060960864801650304040204428040', 'hex');

function makeNative(native: NativeKem): MlKem768 {
  return {
    importPublicKey(bytes) {
      const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, bytes]), format: 'der', type: 'spki' });
      return {
        encapsulate(randomness) {
          // OpenSSL draws its own randomness: fixed randomness is for test vectors, which noble computes.
          if (randomness !== undefined) return nobleMlKem768.importPublicKey(bytes).encapsulate(randomness);
          const { sharedKey, ciphertext } = native.encapsulate(key);
          return { sharedSecret: sharedKey, enc: ciphertext };
        },
      };
    },
    importSeed(seed) {
      const der = Buffer.concat([PKCS8_PREFIX, seed]);
      const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
      der.fill(0);
      const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
      return {
        publicKey: new Uint8Array(spki.subarray(spki.length - MLKEM768_PUBLIC_KEY_BYTES)),
        decapsulate: (enc) => native.decapsulate(key, enc),
      };
    },
  };
}

let chosen: MlKem768 | null = null;

/** The runtime's ML-KEM where it has one, else noble's: the one place that looks. */
export function mlKem768(): MlKem768 {
  chosen ??= chooseMlKem768();
  return chosen;
}

function chooseMlKem768(): MlKem768 {
  if (!hasKem(nodeCrypto)) return nobleMlKem768;
  const native = makeNative(nodeCrypto);
  try {
    // The functions may be there and the algorithm not, where Node was built against an older OpenSSL.
    const key = native.importSeed(new Uint8Array(64));
    key.decapsulate(native.importPublicKey(key.publicKey).encapsulate().enc);
    return native;
  } catch {
    return nobleMlKem768;
  }
}
