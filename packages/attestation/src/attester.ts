import type { EvidenceType, UnendorsedEvidence } from './evidence-schema.ts';

/** Makes evidence of the machine it runs on. */
export interface Attester {
  readonly type: EvidenceType;
  /**
   * Evidence that commits to `reportData`, 64 bytes. What the vendor's services have to add may be missing from it:
   * certificates of SEV-SNP, collateral of TDX.
   *
   * `nonce` is the client's challenge, which `reportData` covers already; AWS Nitro repeats it in a field of its own.
   * @throws AttestationError `evidence_missing`, `evidence_malformed`, `binding_mismatch`, `type_unsupported`; its
   * message is for the operator
   * @throws APIUserAbortError when `signal` aborts
   */
  attest(reportData: Uint8Array, signal: AbortSignal, nonce?: Uint8Array): Promise<UnendorsedEvidence>;
}
