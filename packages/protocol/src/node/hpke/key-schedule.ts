import { concatBytes, encodeUtf8 } from '../../bytes.ts';
import type { HpkeReceiver, HpkeSender } from '../../hpke/hpke-provider.ts';
import { NonceSequence } from '../../hpke/nonce-sequence.ts';
import { aeadKeyBytes, HASH_BYTES, type HpkeSuite, NONCE_BYTES } from '../../hpke/suite.ts';
import { NodeAeadKey } from './aead.ts';
import { LabeledKdf } from './hkdf.ts';

const MODE_BASE = 0x00; // RFC 9180 §5, table 1
const EMPTY = new Uint8Array(0);
const HPKE = encodeUtf8('HPKE');
const LABELS = {
  pskIdHash: encodeUtf8('psk_id_hash'),
  infoHash: encodeUtf8('info_hash'),
  secret: encodeUtf8('secret'),
  key: encodeUtf8('key'),
  baseNonce: encodeUtf8('base_nonce'),
  exporter: encodeUtf8('exp'),
  export: encodeUtf8('sec'),
} as const;

/** The context of one suite in base mode, both ends (RFC 9180 §5.2, §5.3). Every call is synchronous. */
export class NodeHpkeContext implements HpkeSender, HpkeReceiver {
  readonly #kdf: LabeledKdf;
  readonly #key: NodeAeadKey;
  readonly #nonces: NonceSequence;
  readonly #exporterSecret: Uint8Array;

  constructor(kdf: LabeledKdf, key: NodeAeadKey, nonces: NonceSequence, exporterSecret: Uint8Array) {
    this.#kdf = kdf;
    this.#key = key;
    this.#nonces = nonces;
    this.#exporterSecret = exporterSecret;
  }

  seal(plaintext: Uint8Array, aad: Uint8Array): Uint8Array {
    return this.#key.seal(this.#nonces.take(), plaintext, aad);
  }

  open(sealed: Uint8Array, aad: Uint8Array): Uint8Array {
    const plaintext = this.#key.open(this.#nonces.current(), sealed, aad);
    this.#nonces.advance();
    return plaintext;
  }

  export(exporterContext: Uint8Array, length: number): Uint8Array {
    return this.#kdf.expand(this.#exporterSecret, LABELS.export, exporterContext, length);
  }
}

/** The key schedule of one suite in base mode (RFC 9180 §5.1). */
export class KeySchedule {
  readonly #kdf: LabeledKdf;
  readonly #aeadId: number;
  readonly #keyBytes: number;
  readonly #pskIdHash: Uint8Array;

  constructor({ kemId, kdfId, aeadId }: HpkeSuite) {
    const ids = [kemId, kdfId, aeadId].flatMap((id) => [id >> 8, id & 0xff]);
    this.#kdf = new LabeledKdf(concatBytes(HPKE, Uint8Array.from(ids)));
    this.#aeadId = aeadId;
    this.#keyBytes = aeadKeyBytes(aeadId) ?? 0;
    this.#pskIdHash = this.#kdf.extract(EMPTY, LABELS.pskIdHash, EMPTY); // base mode: the default psk_id is empty
  }

  /** Makes the context of a shared secret, which is zeroed. */
  start(sharedSecret: Uint8Array, info: Uint8Array): NodeHpkeContext {
    const kdf = this.#kdf;
    const infoHash = kdf.extract(EMPTY, LABELS.infoHash, info);
    const scheduleContext = concatBytes(Uint8Array.of(MODE_BASE), this.#pskIdHash, infoHash);
    const secret = kdf.extract(sharedSecret, LABELS.secret, EMPTY); // base mode: the default psk is empty
    sharedSecret.fill(0);
    const key = kdf.expand(secret, LABELS.key, scheduleContext, this.#keyBytes);
    const baseNonce = kdf.expand(secret, LABELS.baseNonce, scheduleContext, NONCE_BYTES);
    const exporterSecret = kdf.expand(secret, LABELS.exporter, scheduleContext, HASH_BYTES);
    const aeadKey = new NodeAeadKey(this.#aeadId, key);
    secret.fill(0);
    key.fill(0);
    return new NodeHpkeContext(kdf, aeadKey, new NonceSequence(baseNonce), exporterSecret);
  }
}
