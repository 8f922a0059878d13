import { expect, test } from 'vitest';
import { aeadKeyBytes, type HpkeSuite, kemLengths } from '../../src/hpke/index.ts';
import { NodeHpke } from '../../src/node/hpke/node-hpke.ts';
import type { NodeEncapsulationKey } from '../../src/node/hpke/node-kem.ts';
import { bytes, hex } from '../hex.ts';
import { withSharedVectors } from '../shared-folder.ts';

interface Vector {
  readonly mode: number;
  readonly kem_id: number;
  readonly kdf_id: number;
  readonly aead_id: number;
  readonly info: string;
  readonly pkRm: string;
  readonly enc: string;
  readonly skEm?: string;
  readonly ikmE: string;
  readonly encryptions: readonly {
    readonly pt: string;
    readonly aad: string;
    readonly ct: string;
    readonly 'sequence number'?: string;
  }[];
}

const known = (vector: Vector) =>
  vector.mode === 0 &&
  kemLengths(vector.kem_id) !== null &&
  vector.kdf_id === 1 &&
  aeadKeyBytes(vector.aead_id) !== null;

/** A provider whose every sender uses the vector's ephemeral randomness. */
class FixedHpke extends NodeHpke {
  readonly #randomness: Uint8Array;
  constructor(randomness: Uint8Array) {
    super();
    this.#randomness = randomness;
  }
  protected override encapsulate(key: NodeEncapsulationKey) {
    return key.encapsulate(this.#randomness);
  }
}

function suiteOf(vector: Vector): HpkeSuite {
  return { kemId: vector.kem_id, kdfId: vector.kdf_id, aeadId: vector.aead_id };
}

function runVectors(file: string): void {
  withSharedVectors<{ vectors: readonly Vector[] }>(file, ({ vectors }) => {
    const used = vectors.filter(known);

    test.each(used.map((vector) => [JSON.stringify(suiteOf(vector)), vector] as const))(
      'the node provider sends %s as published, at every listed sequence number',
      (_suite, vector) => {
        const provider = new FixedHpke(bytes(vector.skEm ?? vector.ikmE));
        const publicKey = provider.importPublicKey(vector.kem_id, bytes(vector.pkRm));
        const { enc, context } = provider.setupSender(suiteOf(vector), publicKey, bytes(vector.info));
        expect(hex(enc)).toBe(vector.enc);
        const bySequence = new Map(
          vector.encryptions.map((one, index) => [Number(one['sequence number'] ?? index), one]),
        );
        const last = Math.max(...bySequence.keys());
        for (let sequence = 0; sequence <= last; sequence++) {
          const listed = bySequence.get(sequence);
          const sealed = context.seal(bytes(listed?.pt ?? ''), bytes(listed?.aad ?? ''));
          if (listed !== undefined) expect(hex(sealed)).toBe(listed.ct);
        }
      },
    );
  });
}

runVectors('hpke/rfc9180-appendix-a.json');
runVectors('hpke/hpke-pq.json');
