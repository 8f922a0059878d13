import { nodeCrypto } from '../src/node/node-crypto.ts';
import { webCrypto } from '../src/web-crypto.ts';

/** Every crypto provider with its name, for `describe.each`. */
export const CRYPTO_PROVIDERS = [
  ['WebCrypto', webCrypto],
  ['node:crypto', nodeCrypto],
] as const;
