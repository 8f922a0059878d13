import { type VerificationOptions, verificationContext } from '../verification-context.ts';
import { attestationError, parsing } from '../verification-error.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { verifyChain } from '../x509/chain.ts';
import { verifySignature } from '../x509/public-key.ts';
import { type NitroDocument, parseNitroDocument } from './attestation-document.ts';
import { writeCbor } from './cbor-writer.ts';

/** Evidence of AWS Nitro, as bytes. */
export interface NitroEvidence {
  /** A COSE_Sign1 attestation document. */
  readonly document: Uint8Array;
}

/** A document whose signature and chain have been verified. */
export interface VerifiedNitro extends Omit<NitroDocument, 'chain' | 'protectedHeader' | 'payload' | 'signature'> {
  readonly type: 'aws-nitro';
  /** When the first certificate runs out, milliseconds since 1970; the leaf's lasts three hours. */
  readonly validUntil: number;
}

/**
 * Verifies that AWS's Nitro hypervisor made a document: chain to the pinned root, COSE signature. AWS publishes no
 * revocation lists that a document names, and is root and operator in one.
 * @throws AttestationError `evidence_malformed`, `chain_untrusted`, `cert_expired`, `signature_invalid`
 */
export async function verifyNitro(evidence: NitroEvidence, options: VerificationOptions): Promise<VerifiedNitro> {
  const context = verificationContext(options);
  const { chain, protectedHeader, payload, signature, ...fields } = parsing(
    'parse.document',
    'evidence_malformed',
    'the attestation document',
    () => parseNitroDocument(evidence.document),
  );
  const certificates = parsing('parse.chain', 'evidence_malformed', 'the certificate bundle', () =>
    chain.map(parseCertificate),
  );
  const rules = {
    root: context.roots.awsNitro,
    signatureAlgorithm: 'ecdsa-p384-sha384',
    step: 'crypto.chain',
  } as const;
  await verifyChain(certificates, { ...context, ...rules });
  const [leaf] = certificates;
  const signed = writeCbor(['Signature1', protectedHeader, new Uint8Array(), payload]); // RFC 9052 §4.4
  if (leaf === undefined || !(await verifySignature(leaf.publicKey, 'ecdsa-p384-sha384', signature, signed))) {
    throw attestationError('crypto.signature', 'signature_invalid', 'the signature of the document does not verify');
  }
  const validUntil = Math.min(...certificates.map(({ notAfter }) => notAfter));
  return { ...fields, type: 'aws-nitro', validUntil };
}
