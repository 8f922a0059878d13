import { ed25519 } from '@noble/curves/ed25519.js';
import type { Ed25519Verify } from './statement.ts';

/** Verifies with noble's Ed25519, for runtimes whose own cryptography has none (20 kB more in a bundle). */
export const portableEd25519Verify: Ed25519Verify = (publicKey, message, signature) => {
  try {
    // RFC 8032 §5.1.7 as it is written: noble's default is the laxer rule of ZIP 215.
    return ed25519.verify(signature, message, publicKey, { zip215: false });
  } catch {
    return false;
  }
};
