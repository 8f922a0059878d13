import type { Ed25519Verify } from './statement.ts';

/**
 * Verifies with noble's Ed25519, which is loaded at the first signature: a program that pins no identity never pays
 * for it.
 */
export const portableEd25519Verify: Ed25519Verify = async (publicKey, message, signature) => {
  const { ed25519 } = await import('@noble/curves/ed25519.js');
  try {
    // RFC 8032 §5.1.7 as it is written: noble's default is the laxer rule of ZIP 215.
    return ed25519.verify(signature, message, publicKey, { zip215: false });
  } catch {
    return false;
  }
};
