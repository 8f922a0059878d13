import type { Ed25519Verify } from '@sotto/protocol/key-statement';

/** Verifies with WebCrypto. A page that pins nothing does not load what statements need. */
export const webEd25519: Ed25519Verify = async (publicKey, message, signature) => {
  const { webEd25519Verify } = await import('./web-ed25519-verify.ts');
  return webEd25519Verify(publicKey, message, signature);
};
