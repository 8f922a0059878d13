export { nodeEd25519Verify } from './ed25519-verify.ts';
export { nodeHpke } from './hpke/node-hpke.ts';
export { nodeCrypto } from './node-crypto.ts';
