import { type KeyClaims, parseClaims as parseKeyClaims } from '@sotto/protocol/key-statement';
import { attestationError, parsing } from './verification-error.ts';

/** The claims of a router that evidence commits to: of this origin, and of at least one key. */
export interface BoundClaims extends KeyClaims {
  readonly origin: string;
}

/**
 * Reads claims: the same document that a router's identity signs, here bound by evidence. Only bytes that evidence has
 * been found to commit to are worth reading.
 *
 * Evidence of any origin and evidence of no key would prove nothing to anybody, and are refused.
 * @throws AttestationError `claims_invalid`
 */
export function parseClaims(bytes: Uint8Array): BoundClaims {
  const claims = parsing('parse.claims', 'claims_invalid', 'the claims', () => parseKeyClaims(bytes));
  const { origin, issuedAt, expiresAt } = claims;
  if (origin === null) throw invalid('aud', 'the claims name no router');
  if (expiresAt <= issuedAt) throw invalid('exp', 'the claims expire before they begin');
  if (claims.keyConfigs.length === 0 && claims.rsaKeySha256 === null && claims.ehbpKey === null) {
    throw invalid('keyConfig', 'the claims name no key');
  }
  return { ...claims, origin };
}

function invalid(member: string, message: string) {
  return attestationError(`claims.${member}`, 'claims_invalid', message);
}
