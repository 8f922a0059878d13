import { sha3_256, shake256 } from '@noble/hashes/sha3.js';
import { type KEMPrepared, ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import type { KEM, KEMFactory, Key } from 'hpke';
import { concatBytes } from '../bytes.ts';
import { KEM_MLKEM768, KEM_MLKEM768_X25519, type KemLengths, kemLengths } from './suite.ts';
import {
  combinerInput,
  deriveKeyPairInput,
  MLKEM768_CIPHERTEXT_BYTES,
  MLKEM768_PUBLIC_KEY_BYTES,
  MLKEM768_SEED_BYTES,
  X_WING_EXPANDED_BYTES,
  X25519_KEY_BYTES,
} from './x-wing.ts';
import type { X25519, X25519PrivateKey } from './x25519.ts';

/** What a private key holds beside the form it is written in. */
interface PrivateHalf {
  readonly mlkem: Uint8Array;
  readonly x25519: X25519PrivateKey | null;
}

/** A key in the shape that the `hpke` package passes around, with what this file needs inside. */
class MlKemKey implements Key {
  readonly algorithm: { name: string };
  readonly type: 'private' | 'public';
  readonly extractable: boolean;
  /** Serialized: the public key, or the seed of a private one. */
  readonly bytes: Uint8Array;
  readonly publicBytes: Uint8Array;
  readonly private: PrivateHalf | null;
  /** The expanded encapsulation key, which costs as much as an encapsulation to make. */
  readonly prepared: KEMPrepared;

  constructor(name: string, publicBytes: Uint8Array, half: PrivateHalf | null, seed: Uint8Array, extractable: boolean) {
    this.algorithm = { name };
    this.type = half === null ? 'public' : 'private';
    this.extractable = extractable;
    this.bytes = seed;
    this.publicBytes = publicBytes;
    this.private = half;
    this.prepared = ml_kem768.prepare(publicBytes.subarray(0, MLKEM768_PUBLIC_KEY_BYTES));
  }
}

/** ML-KEM-768 (draft-ietf-hpke-pq §3), from noble. */
export const mlkem768Noble: KEMFactory = () => makeKem(KEM_MLKEM768, 'ML-KEM-768', null);

/** MLKEM768-X25519 (draft-ietf-hpke-pq §4, draft-connolly-cfrg-xwing-kem): noble's ML-KEM and a curve of choice. */
export function mlkem768X25519Noble(x25519: X25519): KEMFactory {
  return () => makeKem(KEM_MLKEM768_X25519, 'MLKEM768-X25519', x25519);
}

function makeKem(id: number, name: string, curve: X25519 | null): KEM {
  const lengths = lengthsOf(id);

  function keyOf(key: Key): MlKemKey {
    if (!(key instanceof MlKemKey) || key.algorithm.name !== name) throw new TypeError(`not a key of ${name}`);
    return key;
  }

  async function privateKey(seed: Uint8Array, extractable: boolean): Promise<MlKemKey> {
    if (curve === null) {
      const { publicKey, secretKey } = ml_kem768.keygen(seed);
      return new MlKemKey(name, publicKey, { mlkem: secretKey, x25519: null }, seed, extractable);
    }
    const expanded = shake256(seed, { dkLen: X_WING_EXPANDED_BYTES });
    const { publicKey, secretKey } = ml_kem768.keygen(expanded.subarray(0, MLKEM768_SEED_BYTES));
    const x25519 = await curve.importPrivateKey(expanded.slice(MLKEM768_SEED_BYTES));
    return new MlKemKey(
      name,
      concatBytes(publicKey, x25519.publicKey),
      { mlkem: secretKey, x25519 },
      seed,
      extractable,
    );
  }

  async function keyPair(seed: Uint8Array, extractable: boolean) {
    const half = await privateKey(seed, extractable);
    return { privateKey: half, publicKey: new MlKemKey(name, half.publicBytes, null, half.publicBytes, true) };
  }

  return {
    id,
    type: 'KEM',
    name,
    Nsecret: 32, // FIPS 203 §8; draft-connolly-cfrg-xwing-kem §5.1
    Nenc: lengths.enc,
    Npk: lengths.publicKey,
    Nsk: lengths.privateKey,

    async DeriveKeyPair(ikm, extractable) {
      const input = deriveKeyPairInput(id, ikm, lengths.privateKey);
      return keyPair(shake256(input, { dkLen: lengths.privateKey }), extractable);
    },
    async GenerateKeyPair(extractable) {
      return keyPair(crypto.getRandomValues(new Uint8Array(lengths.privateKey)), extractable);
    },
    SerializePublicKey: async (key) => keyOf(key).publicBytes.slice(),
    DeserializePublicKey: async (bytes) => new MlKemKey(name, bytes.slice(), null, bytes.slice(), true),
    SerializePrivateKey: async (key) => keyOf(key).bytes.slice(),
    DeserializePrivateKey: async (seed, extractable) => privateKey(seed.slice(), extractable),

    async Encap(key) {
      const { prepared, publicBytes } = keyOf(key);
      const { sharedSecret, cipherText } = prepared.encapsulate();
      if (curve === null) return { shared_secret: sharedSecret, enc: cipherText };
      const ephemeral = await curve.importPrivateKey(crypto.getRandomValues(new Uint8Array(X25519_KEY_BYTES)));
      const x25519PublicKey = publicBytes.subarray(MLKEM768_PUBLIC_KEY_BYTES);
      const x25519Secret = await ephemeral.agree(x25519PublicKey);
      const input = combinerInput(sharedSecret, x25519Secret, ephemeral.publicKey, x25519PublicKey);
      return { shared_secret: sha3_256(input), enc: concatBytes(cipherText, ephemeral.publicKey) };
    },

    async Decap(enc, key) {
      const { prepared, publicBytes, private: half } = keyOf(key);
      if (half === null) throw new TypeError('a private key is needed');
      const mlkemSecret = prepared.decapsulate(enc.subarray(0, MLKEM768_CIPHERTEXT_BYTES), half.mlkem);
      if (half.x25519 === null) return mlkemSecret;
      const ciphertext = enc.subarray(MLKEM768_CIPHERTEXT_BYTES);
      const x25519Secret = await half.x25519.agree(ciphertext);
      const x25519PublicKey = publicBytes.subarray(MLKEM768_PUBLIC_KEY_BYTES);
      return sha3_256(combinerInput(mlkemSecret, x25519Secret, ciphertext, x25519PublicKey));
    },
  };
}

function lengthsOf(id: number): KemLengths {
  const lengths = kemLengths(id);
  if (lengths === null) throw new TypeError('a KEM without lengths');
  return lengths;
}
