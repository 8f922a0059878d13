import type { KemChoice } from '../../src/hpke/index.ts';
import { bytes, type Check, equal, hex } from './check.ts';
import { portableAlgorithms, type Subject } from './subject.ts';

/** Vectors of draft-connolly-cfrg-xwing-kem. */
export interface XWingVectors {
  readonly vectors: readonly { readonly sk: string; readonly ss: string; readonly pk: string; readonly ct: string }[];
}

/** Checks the hybrid KEM by itself. */
export function xWingChecks(subject: Subject, { vectors }: XWingVectors): readonly Check[] {
  const hybrids = portableAlgorithms(subject).map(({ name, kems }) => ({
    name,
    choice: kems.find(({ kemId }) => kemId === subject.hpke.KEM_MLKEM768_X25519),
  }));
  return vectors.flatMap(({ sk, ss, pk, ct }) =>
    hybrids.map(({ name, choice }) => ({
      name: `X-Wing, seed ${sk.slice(0, 8)}…: ${name} makes the key and finds the published secret`,
      async run() {
        if (choice === undefined) throw new Error('there is no hybrid KEM');
        const kem = await firstThatWorks(choice);
        const secretKey = await kem.DeserializePrivateKey(bytes(sk), true);
        equal(hex(await kem.SerializePrivateKey(secretKey)), sk, 'the seed');
        // Without the public key, which is then made from the seed.
        equal(hex(await kem.Decap(bytes(ct), secretKey, undefined)), ss, 'the secret');
        const publicKey = await kem.DeserializePublicKey(bytes(pk));
        const { enc, shared_secret } = await kem.Encap(publicKey);
        equal(hex(await kem.Decap(enc, secretKey, publicKey)), hex(shared_secret), 'the secret of a new encapsulation');
      },
    })),
  );
}

/** The implementation that a provider would choose here: older runtimes lack the first. */
async function firstThatWorks({ implementations }: KemChoice) {
  const kems = implementations.map((make) => make());
  for (const kem of kems.slice(0, -1)) {
    const works = await kem.GenerateKeyPair(true).then(
      () => true,
      () => false,
    );
    if (works) return kem;
  }
  const last = kems.at(-1);
  if (last === undefined) throw new Error('there is no implementation');
  return last;
}
