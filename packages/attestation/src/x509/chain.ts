import { equalBytes } from '@sotto/protocol';
import { sha256Hex } from '../digest.ts';
import { attestationError } from '../verification-error.ts';
import type { Certificate } from './certificate.ts';
import { KEY_USAGE } from './extensions.ts';
import { verifySignature } from './public-key.ts';
import type { SignatureAlgorithm } from './signature-algorithm.ts';

/** The longest chain that is verified, leaf and root included; AWS Nitro's has five. */
const MAX_CHAIN_LENGTH = 5;

/** The moment certificates are judged at. */
export interface VerificationTime {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** How far the vendor's clock may be from ours, milliseconds. */
  readonly clockSkewMs: number;
}

/** What a chain must be. */
export interface ChainRules extends VerificationTime {
  /** SHA-256 of the one root that is trusted, 64 hexadecimal digits. */
  readonly root: string;
  /** The one algorithm this vendor signs certificates with. */
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** Names the failing step. */
  readonly step: string;
}

/**
 * Verifies a chain, leaf first and pinned root last (RFC 5280 §6.1, without policies and name constraints: a
 * certificate that makes them critical does not parse).
 * @throws AttestationError `chain_untrusted`, `cert_expired`
 */
export async function verifyChain(chain: readonly Certificate[], rules: ChainRules): Promise<void> {
  const { step } = rules;
  const root = chain.at(-1);
  if (root === undefined || chain.length < 2 || chain.length > MAX_CHAIN_LENGTH) {
    throw attestationError(step, 'chain_untrusted', 'the certificate chain has not two to five certificates');
  }
  // The pin covers every byte of the root, so its own signature would prove nothing more.
  if ((await sha256Hex(root.der)) !== rules.root) {
    throw attestationError(step, 'chain_untrusted', 'the certificate chain does not end in the pinned root');
  }
  for (const [index, certificate] of chain.entries()) {
    checkValidity(certificate, rules, step);
    const issuer = chain[index + 1];
    if (issuer === undefined) break;
    checkIssuer(issuer, index, step);
    if (!equalBytes(certificate.issuer, issuer.subject)) {
      throw attestationError(step, 'chain_untrusted', 'a certificate names another issuer than the next in the chain');
    }
    const signed =
      certificate.signatureAlgorithm === rules.signatureAlgorithm &&
      (await verifySignature(issuer.publicKey, rules.signatureAlgorithm, certificate.signature, certificate.signed));
    if (!signed)
      throw attestationError(step, 'chain_untrusted', 'a certificate is not signed by the next in the chain');
  }
  checkLeaf(chain[0], step);
}

/** @param below how many CA certificates stand between this one and the leaf */
function checkIssuer(issuer: Certificate, below: number, step: string): void {
  // RFC 5280 §6.1.4 (k) to (n)
  const maySign = issuer.isCa && (issuer.keyUsage?.has(KEY_USAGE.keyCertSign) ?? false);
  if (!maySign) throw attestationError(step, 'chain_untrusted', 'a certificate of the chain may not issue others');
  if (issuer.pathLength !== null && issuer.pathLength < below) {
    throw attestationError(step, 'chain_untrusted', 'the chain is longer than one of its certificates allows');
  }
}

function checkLeaf(leaf: Certificate | undefined, step: string): void {
  const usable = leaf !== undefined && !leaf.isCa && (leaf.keyUsage?.has(KEY_USAGE.digitalSignature) ?? true);
  if (!usable) throw attestationError(step, 'chain_untrusted', 'the leaf certificate may not sign evidence');
}

/** @throws AttestationError `cert_expired`, also before the certificate's time */
function checkValidity(certificate: Certificate, { now, clockSkewMs }: VerificationTime, step: string): void {
  if (now < certificate.notBefore - clockSkewMs) {
    throw attestationError(step, 'cert_expired', 'a certificate is not valid yet; check the clock');
  }
  if (now > certificate.notAfter + clockSkewMs) {
    throw attestationError(step, 'cert_expired', 'a certificate has expired; check the clock, or fetch new evidence');
  }
}
