import type { CryptoProvider } from '../../src/crypto-provider.ts';
import type { AeadChoice, HpkeProvider, KemChoice } from '../../src/hpke/index.ts';

/** The package in one of its shapes: its sources, its ESM, its CJS, a bundle. Checks reach it by this alone. */
export interface Subject {
  readonly root: typeof import('../../src/index.ts');
  readonly bhttp: typeof import('../../src/bhttp/index.ts');
  readonly ehbp: typeof import('../../src/ehbp/index.ts');
  readonly hpke: typeof import('../../src/hpke/index.ts');
  readonly nomyoV1: typeof import('../../src/nomyo-v1/index.ts');
  readonly ohttp: typeof import('../../src/ohttp/index.ts');
  /** Null where there is no Node. */
  readonly node: typeof import('../../src/node/index.ts') | null;
}

/** The algorithms of a provider of {@link portableProviders}. */
export interface NamedAlgorithms {
  readonly name: string;
  readonly kems: readonly KemChoice[];
  readonly aeads: readonly AeadChoice[];
}

/** The portable algorithms, as this runtime chooses them and as noble brings them. */
export function portableAlgorithms({ hpke }: Subject): readonly NamedAlgorithms[] {
  const { aes128Gcm, aes256Gcm, chacha20Poly1305WithNoble: chacha } = hpke;
  return [
    {
      name: 'portable',
      kems: [hpke.mlkem768X25519, hpke.x25519, hpke.mlkem768],
      aeads: [aes256Gcm, aes128Gcm, chacha],
    },
    {
      name: 'noble',
      kems: [onlyLast(hpke.mlkem768X25519WithNoble), onlyLast(hpke.x25519WithNoble), onlyLast(hpke.mlkem768)],
      aeads: [aes256Gcm, aes128Gcm, onlyLast(chacha)],
    },
  ];
}

function onlyLast<Choice extends { readonly implementations: readonly unknown[] }>(choice: Choice): Choice {
  return { ...choice, implementations: choice.implementations.slice(-1) };
}

/** Every HPKE provider there is here, with its name. */
export function hpkeProviders(subject: Subject): readonly (readonly [name: string, provider: HpkeProvider])[] {
  return [
    ...portableAlgorithms(subject).map((one) => [one.name, subject.hpke.createHpke(one)] as const),
    ...(subject.node === null ? [] : [['node', subject.node.nodeHpke] as const]),
  ];
}

/** Every crypto provider there is here, with its name. */
export function cryptoProviders({ root, node }: Subject): readonly (readonly [name: string, CryptoProvider])[] {
  return [['WebCrypto', root.webCrypto] as const, ...(node === null ? [] : [['node', node.nodeCrypto] as const])];
}

/** The code of the error that `operation` throws, or `accepted`. Errors without a code go on. */
export async function codeOf({ root }: Subject, operation: () => unknown): Promise<string> {
  try {
    await operation();
  } catch (error) {
    if (root.SottoError.isInstance(error)) return error.code;
    throw error;
  }
  return 'accepted';
}
