import { type AEAD, AEAD_EXPORT_ONLY, CipherSuite, KDF_HKDF_SHA256 as HKDF_SHA256, type Key, type KeyPair } from 'hpke';
import { ConfigurationError } from '../errors.ts';
import { type AeadChoice, chooseAead, chooseKem, type KemChoice } from './algorithm-choice.ts';
import type { HpkeKeyPair, HpkeProvider, HpkePublicKey } from './hpke-provider.ts';
import { type HpkeSuite, KDF_HKDF_SHA256 } from './suite.ts';

/** The algorithms of a portable provider: only what is named here ends up in a bundle. */
export interface HpkeAlgorithms {
  readonly kems: readonly KemChoice[];
  readonly aeads: readonly AeadChoice[];
}

/**
 * HPKE that runs everywhere: the `hpke` package with WebCrypto's algorithms, and with noble's where the runtime lacks
 * one and the choice brings it.
 *
 * @example
 * ```ts
 * const hpke = createHpke({ kems: [mlkem768X25519, x25519], aeads: [aes256Gcm] });
 * ```
 */
export function createHpke(algorithms: HpkeAlgorithms): HpkeProvider {
  return new PortableHpke(algorithms);
}

/** An algorithm and its implementation, chosen at first use. */
class Chosen<Choice, Factory> {
  readonly #choices: ReadonlyMap<number, Choice>;
  readonly #choose: (choice: Choice) => Promise<Factory>;
  readonly #chosen = new Map<number, Promise<Factory>>();

  constructor(choices: readonly (readonly [number, Choice])[], choose: (choice: Choice) => Promise<Factory>) {
    this.#choices = new Map(choices);
    this.#choose = choose;
  }

  has(id: number): boolean {
    return this.#choices.has(id);
  }

  get(id: number): Promise<Factory> {
    const choice = this.#choices.get(id);
    if (choice === undefined) return Promise.reject(unsupportedSuite());
    const known = this.#chosen.get(id);
    if (known !== undefined) return known;
    const chosen = this.#choose(choice);
    this.#chosen.set(id, chosen);
    return chosen;
  }
}

class PortableHpke implements HpkeProvider {
  readonly #kems: Chosen<KemChoice, Awaited<ReturnType<typeof chooseKem>>>;
  readonly #aeads: Chosen<AeadChoice, Awaited<ReturnType<typeof chooseAead>>>;
  readonly #publicKeys = new WeakMap<HpkePublicKey, Key>();
  readonly #keyPairs = new WeakMap<HpkeKeyPair, KeyPair>();
  readonly #kdf = HKDF_SHA256();

  constructor({ kems, aeads }: HpkeAlgorithms) {
    this.#kems = new Chosen(
      kems.map((choice) => [choice.kemId, choice] as const),
      chooseKem,
    );
    this.#aeads = new Chosen(
      aeads.map((choice) => [choice.aeadId, choice] as const),
      chooseAead,
    );
  }

  supports({ kemId, kdfId, aeadId }: HpkeSuite): boolean {
    return this.#kems.has(kemId) && kdfId === KDF_HKDF_SHA256 && this.#aeads.has(aeadId);
  }

  randomBytes(length: number): Uint8Array {
    return crypto.getRandomValues(new Uint8Array(length));
  }

  async generateKeyPair(kemId: number): Promise<HpkeKeyPair> {
    const suite = await this.#keySuite(kemId);
    return this.#keepKeyPair(kemId, suite, await suite.GenerateKeyPair(false));
  }

  async deriveKeyPair(kemId: number, inputKeyMaterial: Uint8Array): Promise<HpkeKeyPair> {
    const suite = await this.#keySuite(kemId);
    return this.#keepKeyPair(kemId, suite, await suite.DeriveKeyPair(inputKeyMaterial, false));
  }

  async importKeyPair(kemId: number, privateKey: Uint8Array, publicKey: Uint8Array): Promise<HpkeKeyPair> {
    const suite = await this.#keySuite(kemId);
    return this.#keepKeyPair(kemId, suite, {
      privateKey: await suite.DeserializePrivateKey(privateKey, false),
      publicKey: await suite.DeserializePublicKey(publicKey),
    });
  }

  async importPublicKey(kemId: number, bytes: Uint8Array): Promise<HpkePublicKey> {
    const suite = await this.#keySuite(kemId);
    const key: HpkePublicKey = { kemId, bytes: bytes.slice() };
    this.#publicKeys.set(key, await suite.DeserializePublicKey(bytes));
    return key;
  }

  async setupSender(suite: HpkeSuite, publicKey: HpkePublicKey, info: Uint8Array) {
    const key = this.#publicKeys.get(publicKey);
    if (key === undefined || publicKey.kemId !== suite.kemId) throw foreignKey();
    const { encapsulatedSecret, ctx } = await (await this.#suite(suite)).SetupSender(key, { info });
    return {
      enc: encapsulatedSecret,
      context: {
        seal: (plaintext: Uint8Array, aad: Uint8Array) => ctx.Seal(plaintext, aad),
        export: (exporterContext: Uint8Array, length: number) => ctx.Export(exporterContext, length),
      },
    };
  }

  async setupReceiver(suite: HpkeSuite, keyPair: HpkeKeyPair, enc: Uint8Array, info: Uint8Array) {
    const keys = this.#keyPairs.get(keyPair);
    if (keys === undefined || keyPair.kemId !== suite.kemId) throw foreignKey();
    const context = await (await this.#suite(suite)).SetupRecipient(keys, enc, { info });
    return {
      open: (sealed: Uint8Array, aad: Uint8Array) => context.Open(sealed, aad),
      export: (exporterContext: Uint8Array, length: number) => context.Export(exporterContext, length),
    };
  }

  async importAeadKey(aeadId: number, key: Uint8Array) {
    const aead: AEAD = (await this.#aeads.get(aeadId))();
    if (key.length !== aead.Nk) throw new RangeError('the key has another length than its AEAD takes');
    const own = key.slice();
    return {
      seal: (nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array) => aead.Seal(own, nonce, aad, plaintext),
      open: (nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array) => aead.Open(own, nonce, aad, sealed),
    };
  }

  hkdfExtract(salt: Uint8Array, inputKey: Uint8Array): Promise<Uint8Array> {
    return this.#kdf.Extract(salt, inputKey);
  }

  hkdfExpand(pseudorandomKey: Uint8Array, info: Uint8Array, length: number): Promise<Uint8Array> {
    return this.#kdf.Expand(pseudorandomKey, info, length);
  }

  async #suite({ kemId, kdfId, aeadId }: HpkeSuite): Promise<CipherSuite> {
    if (kdfId !== KDF_HKDF_SHA256) throw unsupportedSuite();
    return new CipherSuite(await this.#kems.get(kemId), HKDF_SHA256, await this.#aeads.get(aeadId));
  }

  /** A suite for work on keys alone. */
  async #keySuite(kemId: number): Promise<CipherSuite> {
    return new CipherSuite(await this.#kems.get(kemId), HKDF_SHA256, AEAD_EXPORT_ONLY);
  }

  async #keepKeyPair(kemId: number, suite: CipherSuite, keys: KeyPair): Promise<HpkeKeyPair> {
    const keyPair: HpkeKeyPair = { kemId, publicKey: await suite.SerializePublicKey(keys.publicKey) };
    this.#keyPairs.set(keyPair, keys);
    return keyPair;
  }
}

function unsupportedSuite(): ConfigurationError {
  return new ConfigurationError('the HPKE provider was made without this algorithm: name it when making it', {
    code: 'invalid_option',
  });
}

function foreignKey(): ConfigurationError {
  return new ConfigurationError('the key is of another HPKE provider or KEM: import it with the one that uses it', {
    code: 'invalid_option',
  });
}
