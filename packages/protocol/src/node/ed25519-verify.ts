import { Buffer } from 'node:buffer';
import { createPublicKey, verify } from 'node:crypto';
import type { Ed25519Verify } from '../key-statement/statement.ts';

/** Verifies with `node:crypto`. */
export const nodeEd25519Verify: Ed25519Verify = (publicKey, message, signature) => {
  try {
    const x = Buffer.from(publicKey).toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    return verify(null, message, key, signature);
  } catch {
    return false;
  }
};
