import { randomFillSync } from 'node:crypto';
import { equalBytes } from '../../bytes.ts';
import { ConfigurationError } from '../../errors.ts';
import type { HpkeKeyPair, HpkeProvider, HpkePublicKey } from '../../hpke/hpke-provider.ts';
import {
  aeadKeyBytes,
  type HpkeSuite,
  KDF_HKDF_SHA256,
  KEM_MLKEM768,
  KEM_MLKEM768_X25519,
  KEM_X25519,
  kemLengths,
} from '../../hpke/suite.ts';
import { NodeAeadKey } from './aead.ts';
import { hkdfExpand, hkdfExtract } from './hkdf.ts';
import { KeySchedule, type NodeHpkeContext } from './key-schedule.ts';
import { mlKem768Kem, xWingKem } from './ml-kem-kems.ts';
import type { NodeDecapsulationKey, NodeEncapsulationKey, NodeKem } from './node-kem.ts';
import { x25519Kem } from './x25519-kem.ts';

const KEMS: ReadonlyMap<number, NodeKem> = new Map([
  [KEM_MLKEM768_X25519, xWingKem],
  [KEM_X25519, x25519Kem],
  [KEM_MLKEM768, mlKem768Kem],
]);

/** HPKE over `node:crypto`; see {@link nodeHpke}. Apart from it only tests make one, to fix its randomness. */
export class NodeHpke implements HpkeProvider {
  readonly #encapsulationKeys = new WeakMap<HpkePublicKey, NodeEncapsulationKey>();
  readonly #decapsulationKeys = new WeakMap<HpkeKeyPair, NodeDecapsulationKey>();
  readonly #schedules = new Map<number, KeySchedule>();

  supports({ kemId, kdfId, aeadId }: HpkeSuite): boolean {
    return KEMS.has(kemId) && kdfId === KDF_HKDF_SHA256 && aeadKeyBytes(aeadId) !== null;
  }

  randomBytes(length: number): Uint8Array {
    return randomFillSync(new Uint8Array(length));
  }

  generateKeyPair(kemId: number): HpkeKeyPair {
    return this.#keep(kemId, this.randomBytes(kemOf(kemId).lengths.privateKey));
  }

  deriveKeyPair(kemId: number, inputKeyMaterial: Uint8Array): HpkeKeyPair {
    const { kem, lengths } = kemOf(kemId);
    if (inputKeyMaterial.length < lengths.privateKey) {
      // RFC 9180 §7.1.3
      throw new RangeError('a key pair is derived from at least as many bytes as its private key has');
    }
    return this.#keep(kemId, kem.derivePrivateKey(inputKeyMaterial));
  }

  importKeyPair(kemId: number, privateKey: Uint8Array, publicKey: Uint8Array): HpkeKeyPair {
    const { lengths } = kemOf(kemId);
    checkLength(privateKey, lengths.privateKey);
    const keyPair = this.#keep(kemId, privateKey.slice());
    if (!equalBytes(keyPair.publicKey, publicKey)) throw new RangeError('the two halves are not of one key pair');
    return keyPair;
  }

  importPublicKey(kemId: number, bytes: Uint8Array): HpkePublicKey {
    const { kem, lengths } = kemOf(kemId);
    checkLength(bytes, lengths.publicKey);
    const key: HpkePublicKey = { kemId, bytes: bytes.slice() };
    this.#encapsulationKeys.set(key, kem.importPublicKey(bytes));
    return key;
  }

  setupSender(
    suite: HpkeSuite,
    publicKey: HpkePublicKey,
    info: Uint8Array,
  ): { readonly enc: Uint8Array; readonly context: NodeHpkeContext } {
    const key = this.#encapsulationKeys.get(publicKey);
    if (key === undefined || publicKey.kemId !== suite.kemId) throw foreignKey();
    const { sharedSecret, enc } = this.encapsulate(key);
    return { enc, context: this.#schedule(suite).start(sharedSecret, info) };
  }

  setupReceiver(suite: HpkeSuite, keyPair: HpkeKeyPair, enc: Uint8Array, info: Uint8Array): NodeHpkeContext {
    const key = this.#decapsulationKeys.get(keyPair);
    if (key === undefined || keyPair.kemId !== suite.kemId) throw foreignKey();
    checkLength(enc, kemOf(suite.kemId).lengths.enc);
    return this.#schedule(suite).start(key.decapsulate(enc), info);
  }

  importAeadKey(aeadId: number, key: Uint8Array): NodeAeadKey {
    return new NodeAeadKey(aeadId, key);
  }

  hkdfExtract(salt: Uint8Array, inputKey: Uint8Array): Uint8Array {
    return hkdfExtract(salt, inputKey);
  }

  hkdfExpand(pseudorandomKey: Uint8Array, info: Uint8Array, length: number): Uint8Array {
    return hkdfExpand(pseudorandomKey, info, length);
  }

  /** The one call that a test with fixed randomness replaces. */
  protected encapsulate(key: NodeEncapsulationKey): ReturnType<NodeEncapsulationKey['encapsulate']> {
    return key.encapsulate();
  }

  #keep(kemId: number, privateKey: Uint8Array): HpkeKeyPair {
    const key = kemOf(kemId).kem.importPrivateKey(privateKey);
    privateKey.fill(0);
    const keyPair: HpkeKeyPair = { kemId, publicKey: key.publicKey };
    this.#decapsulationKeys.set(keyPair, key);
    return keyPair;
  }

  #schedule(suite: HpkeSuite): KeySchedule {
    // Three KEMs and three AEADs at most get past this check, so the map stays small.
    if (!this.supports(suite)) throw unsupported();
    const id = suite.kemId * 0x10000 + suite.aeadId;
    const known = this.#schedules.get(id);
    if (known !== undefined) return known;
    const schedule = new KeySchedule(suite);
    this.#schedules.set(id, schedule);
    return schedule;
  }
}

/**
 * HPKE over `node:crypto`: X25519 and the AEADs native, ML-KEM native from Node 24.7 on and noble's before, everything
 * synchronous, so that a chunk is sealed in the turn of the loop it came in.
 */
export const nodeHpke: HpkeProvider = new NodeHpke();

function kemOf(kemId: number) {
  const kem = KEMS.get(kemId);
  const lengths = kemLengths(kemId);
  if (kem === undefined || lengths === null) throw unsupported();
  return { kem, lengths };
}

function checkLength(bytes: Uint8Array, expected: number): void {
  if (bytes.length !== expected) throw new RangeError(`the key has another length than ${expected} bytes`);
}

function unsupported(): ConfigurationError {
  return new ConfigurationError('the HPKE provider does not have this algorithm', { code: 'invalid_option' });
}

function foreignKey(): ConfigurationError {
  return new ConfigurationError('the key is of another HPKE provider or KEM: import it with the one that uses it', {
    code: 'invalid_option',
  });
}
