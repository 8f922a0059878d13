import type { HpkeProvider, KemChoice } from '../../src/hpke/index.ts';
import type { NamedAlgorithms, Subject } from './subject.ts';

/** The encapsulation of a published example. */
export interface Encapsulation {
  readonly kemId: number;
  readonly enc: Uint8Array;
  /** The receiver's, which published examples tell. */
  readonly privateKey: Uint8Array;
}

/**
 * A provider whose every sender has the encapsulated secret of a published example: enc as published, and the shared
 * secret as its receiver finds it. What follows from it, the key schedule and all that is sealed, is the provider's own.
 */
export function encapsulatingAs({ hpke }: Subject, algorithms: NamedAlgorithms, example: Encapsulation): HpkeProvider {
  const kems = algorithms.kems.filter(({ kemId }) => kemId === example.kemId);
  return hpke.createHpke({ aeads: algorithms.aeads, kems: kems.map((choice) => fixed(choice, example)) });
}

function fixed({ kemId, implementations }: KemChoice, { enc, privateKey }: Encapsulation): KemChoice {
  return {
    kemId,
    implementations: implementations.map((make) => () => {
      const kem = make();
      return {
        ...kem,
        async Encap(publicKey) {
          const secretKey = await kem.DeserializePrivateKey(privateKey, true);
          return { enc: enc.slice(), shared_secret: await kem.Decap(enc, secretKey, publicKey) };
        },
      };
    }),
  };
}

/** A provider that draws `drawn` wherever it draws random bytes. */
export function drawing(provider: HpkeProvider, drawn: Uint8Array): HpkeProvider {
  return new Proxy(provider, {
    get(target, name) {
      if (name === 'randomBytes') return () => drawn.slice();
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}
