import type { Evidence, EvidenceType } from '@sotto/attestation';

/**
 * Makes evidence that is ready for a bundle: an attester of the platform, and behind it whoever adds the vendor's
 * certificates, revocation lists and collateral.
 */
export interface EndorsedAttester {
  readonly type: EvidenceType;
  /** Evidence that commits to `reportData`, 64 bytes, which covers `nonce`; stops when `signal` is aborted. */
  attest(reportData: Uint8Array, signal: AbortSignal, nonce?: Uint8Array): Promise<Evidence>;
  /** Fetches the vendor's documents anew the next time: for when endorsed evidence does not verify. */
  forget?(): void;
}
