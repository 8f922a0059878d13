export {
  type ClaimedSoftware,
  type KeyClaims,
  STATED_PROTOCOLS,
  type StatedProtocol,
  serializeClaims,
} from './claims.ts';
export { MAX_CLAIMS_BYTES, parseClaims } from './parse-claims.ts';
export { portableEd25519Verify } from './portable-ed25519-verify.ts';
export {
  type Ed25519Verify,
  KEY_STATEMENT_PATH,
  MAX_STATEMENT_BYTES,
  type StatementExpectations,
  type StatementSigner,
  signerFingerprint,
  signStatement,
  verifyStatement,
} from './statement.ts';
export { webEd25519Verify } from './web-ed25519-verify.ts';
