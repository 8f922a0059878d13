import type { AttestationResult } from '@sotto/attestation';
import type { AnyErrorCode, SecurityTier, VerificationFailure } from '@sotto/protocol';

/** The stages of a verification, in their order. */
export const ATTESTATION_STAGES = [
  'fetch',
  'schema',
  'type',
  'binding',
  'crypto',
  'policy',
  'claims',
  'history',
] as const;
export type AttestationStage = (typeof ATTESTATION_STAGES)[number];

/** One step of a verification, to be shown to a person. */
export interface AttestationStep {
  readonly name: AttestationStage;
  /** `skipped`: a step before it has failed, so that nothing is known. */
  readonly status: 'passed' | 'failed' | 'skipped';
  /** What was found, in words of this project's own. */
  readonly words: string;
  /** Of a step that failed. */
  readonly code?: AnyErrorCode | undefined;
}

/** `none`: no evidence is asked for. `pending`: it is, and nothing has been verified yet. */
export interface UnverifiedAttestation {
  readonly status: 'none' | 'pending';
  readonly steps: readonly [];
}

/** The last verification failed; nothing is sealed on its strength. */
export interface FailedAttestation {
  readonly status: 'contraindicated';
  readonly tier: SecurityTier;
  readonly code: AnyErrorCode;
  readonly message: string;
  readonly failures: readonly VerificationFailure[];
  readonly steps: readonly AttestationStep[];
}

/** What a verified bundle proves; `warning` where the policy let something pass that it need not have. */
export interface VerifiedAttestation
  extends Pick<
    AttestationResult,
    'status' | 'warnings' | 'type' | 'measurements' | 'tcb' | 'advisories' | 'kid' | 'epoch' | 'software'
  > {
  /** The tier whose demands were met. */
  readonly tier: SecurityTier;
  /** SHA-256 of the policy by which the router picks upstreams, lower-case hexadecimal; null where it does not say. */
  readonly upstreamPolicySha256: string | null;
  /** Whether the evidence answers a challenge of this client, made for this verification. */
  readonly answersNonce: boolean;
  readonly verifiedAt: Date;
  /** Nothing is sealed on the strength of this evidence from then on. */
  readonly validUntil: Date;
  readonly steps: readonly AttestationStep[];
}

/** What is known of a router's evidence; `status` tells which. */
export type AttestationStatus = UnverifiedAttestation | FailedAttestation | VerifiedAttestation;

/** What a client remembers of one router's evidence as long as it lives; all tiers share it. */
export interface AttestationRecord {
  status: AttestationStatus;
  /** The newest evidence that was accepted. */
  accepted: VerifiedAttestation | null;
}
