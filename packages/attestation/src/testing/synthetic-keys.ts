import type { SignatureAlgorithm } from '../x509/signature-algorithm.ts';
import { generateSigningKey, type SigningKey } from './signing-key.ts';

const keys = new Map<string, Promise<SigningKey>>();

/** A key by name, generated once a process and kept in memory alone. */
export function syntheticKey(name: string, algorithm: SignatureAlgorithm): Promise<SigningKey> {
  let key = keys.get(name);
  if (key === undefined) {
    key = generateSigningKey(algorithm);
    keys.set(name, key);
  }
  return key;
}
