import type { AEADFactory, KEMFactory } from 'hpke';
import { ConfigurationError } from '../errors.ts';

/** A KEM as the implementations of it, best first. */
export interface KemChoice {
  readonly kemId: number;
  readonly implementations: readonly KEMFactory[];
}

/** An AEAD as the implementations of it, best first. */
export interface AeadChoice {
  readonly aeadId: number;
  readonly implementations: readonly AEADFactory[];
}

/**
 * The first implementation of a KEM that works in this runtime. With {@link chooseAead}, the one place where the
 * runtime is probed: not by its name or version, but by doing once what will be done often.
 * @throws ConfigurationError `unsupported_runtime`
 */
export async function chooseKem(choice: KemChoice): Promise<KEMFactory> {
  return firstThatWorks(choice.implementations, `KEM ${hex(choice.kemId)}`, async (implementation) => {
    const kem = implementation();
    const { publicKey } = await kem.GenerateKeyPair(false);
    await kem.Encap(publicKey);
  });
}

/** The first implementation of an AEAD that works in this runtime. @throws ConfigurationError `unsupported_runtime` */
export async function chooseAead(choice: AeadChoice): Promise<AEADFactory> {
  return firstThatWorks(choice.implementations, `AEAD ${hex(choice.aeadId)}`, async (implementation) => {
    const aead = implementation();
    // A key that nothing is ever protected with.
    await aead.Seal(new Uint8Array(aead.Nk), new Uint8Array(aead.Nn), new Uint8Array(0), new Uint8Array(0));
  });
}

async function firstThatWorks<T>(
  implementations: readonly T[],
  name: string,
  attempt: (implementation: T) => Promise<void>,
): Promise<T> {
  let cause: unknown;
  for (const implementation of implementations) {
    try {
      await attempt(implementation);
      return implementation;
    } catch (error) {
      cause = error;
    }
  }
  throw new ConfigurationError(`this runtime has no ${name}: import an implementation that brings its own`, {
    code: 'unsupported_runtime',
    cause,
  });
}

function hex(id: number): string {
  return `0x${id.toString(16).padStart(4, '0')}`;
}
