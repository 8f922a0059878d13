import type { HpkeSuite } from '../../src/hpke/index.ts';
import { bytes, type Check, ensure, equal, hex } from './check.ts';
import { encapsulatingAs } from './published-randomness.ts';
import { hpkeProviders, type NamedAlgorithms, portableAlgorithms, type Subject } from './subject.ts';

/** Vectors in the form of RFC 9180 Appendix A. */
export interface HpkeVectors {
  readonly vectors: readonly HpkeVector[];
}

interface HpkeVector {
  readonly mode: number;
  readonly kem_id: number;
  readonly kdf_id: number;
  readonly aead_id: number;
  readonly info: string;
  readonly ikmR: string;
  readonly skRm: string;
  readonly pkRm: string;
  readonly enc: string;
  readonly encryptions: readonly {
    readonly pt: string;
    readonly aad: string;
    readonly ct: string;
    readonly 'sequence number'?: string;
  }[];
  readonly exports: readonly {
    readonly exporter_context: string;
    readonly L: string | number;
    readonly exported_value: string;
  }[];
}

/** Checks base mode with the suites that the package knows, of which the file has `count`. */
export function hpkeChecks(subject: Subject, source: string, vectors: HpkeVectors, count: number): readonly Check[] {
  const { kemLengths, aeadKeyBytes } = subject.hpke;
  const used = vectors.vectors.filter(
    ({ mode, kem_id, kdf_id, aead_id }) =>
      mode === 0 && kemLengths(kem_id) !== null && kdf_id === 1 && aeadKeyBytes(aead_id) !== null,
  );
  const counted: Check = {
    name: `${source} has ${count} vectors for the suites in use`,
    run: async () => equal(used.length, count, 'their number'),
  };
  return [
    counted,
    ...used.flatMap((vector) => [...receiving(subject, source, vector), ...sending(subject, source, vector)]),
  ];
}

function suiteOf({ kem_id, kdf_id, aead_id }: HpkeVector): HpkeSuite {
  return { kemId: kem_id, kdfId: kdf_id, aeadId: aead_id };
}

function bySequence({ encryptions }: HpkeVector): ReadonlyMap<number, HpkeVector['encryptions'][number]> {
  return new Map(encryptions.map((one, index) => [Number(one['sequence number'] ?? index), one]));
}

function receiving(subject: Subject, source: string, vector: HpkeVector): readonly Check[] {
  const suite = suiteOf(vector);
  return hpkeProviders(subject).map(([provider, hpke]) => ({
    name: `${source}, ${JSON.stringify(suite)}: ${provider} derives, receives and exports as published`,
    async run() {
      const derived = await hpke.deriveKeyPair(suite.kemId, bytes(vector.ikmR));
      equal(hex(derived.publicKey), vector.pkRm, 'the derived public key');
      const imported = await hpke.importKeyPair(suite.kemId, bytes(vector.skRm), bytes(vector.pkRm));
      for (const keyPair of [derived, imported]) {
        const context = await hpke.setupReceiver(suite, keyPair, bytes(vector.enc), bytes(vector.info));
        let next = 0;
        for (const [sequence, { pt, aad, ct }] of bySequence(vector)) {
          if (sequence !== next) break;
          equal(hex(await context.open(bytes(ct), bytes(aad))), pt, `message ${sequence}`);
          next++;
        }
        ensure(next >= 3, 'fewer than three messages were opened');
        for (const { exporter_context, L, exported_value } of vector.exports) {
          equal(hex(await context.export(bytes(exporter_context), Number(L))), exported_value, 'an export');
        }
      }
    },
  }));
}

function sending(subject: Subject, source: string, vector: HpkeVector): readonly Check[] {
  const suite = suiteOf(vector);
  const run = async (algorithms: NamedAlgorithms): Promise<void> => {
    const example = { kemId: suite.kemId, enc: bytes(vector.enc), privateKey: bytes(vector.skRm) };
    const hpke = encapsulatingAs(subject, algorithms, example);
    const publicKey = await hpke.importPublicKey(suite.kemId, bytes(vector.pkRm));
    const { context } = await hpke.setupSender(suite, publicKey, bytes(vector.info));
    const listed = bySequence(vector);
    for (let sequence = 0; sequence <= Math.max(...listed.keys()); sequence++) {
      const one = listed.get(sequence);
      const sealed = await context.seal(bytes(one?.pt ?? ''), bytes(one?.aad ?? ''));
      if (one !== undefined) equal(hex(sealed), one.ct, `message ${sequence}`);
    }
  };
  return portableAlgorithms(subject).map((algorithms) => ({
    name: `${source}, ${JSON.stringify(suite)}: ${algorithms.name} sends as published, at every listed sequence number`,
    run: () => run(algorithms),
  }));
}
