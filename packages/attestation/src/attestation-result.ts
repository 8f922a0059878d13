import type { ClaimedSoftware } from '@sotto/protocol/key-statement';
import type { EvidenceType } from './bundle.ts';
import type { BoundClaims } from './claims.ts';
import type { VerifiedEvidence } from './evidence.ts';
import type { AttestationPolicy } from './policy/policy.ts';
import type { VerifiedSevSnp } from './sev-snp/verify.ts';
import type { TdxTcb } from './tdx/tcb-evaluation.ts';

/** One step of a verification that has been passed. */
export interface VerificationStep {
  readonly name: 'schema' | 'type' | 'binding' | 'crypto' | 'policy' | 'claims';
  readonly status: 'passed';
  readonly detail: string;
}

/**
 * What a verified bundle proves, in the words of EAR but local and unsigned. Evidence that fails throws, so that there
 * is no result to overlook.
 */
export interface AttestationResult {
  /** `warning` where the policy let something pass that it need not have; `warnings` says what. */
  readonly status: 'affirming' | 'warning';
  readonly warnings: readonly string[];
  readonly type: EvidenceType;
  /** By the platform's own names, lower-case hexadecimal. */
  readonly measurements: Readonly<Record<string, string>>;
  /** Version numbers or status of the platform's firmware, as the platform has them. */
  readonly tcb: VerifiedSevSnp['tcb'] | TdxTcb | null;
  /** Advisories of the vendor that concern the platform. */
  readonly advisories: readonly string[];
  /** All that the router says of itself; what follows is taken from them. */
  readonly claims: BoundClaims;
  /** Names the router's set of keys. */
  readonly kid: string;
  /** What to encrypt to over ohttp: the exact bytes of `application/ohttp-keys`, or none where ohttp is not served. */
  readonly keyConfigs: Uint8Array;
  /** SHA-256 of the RSA key's SubjectPublicKeyInfo, lower-case hexadecimal; null without nomyo-v1. */
  readonly rsaKeySha256: string | null;
  /** The X25519 key of ehbp, 32 bytes; null without ehbp. */
  readonly ehbpKey: Uint8Array | null;
  /** The Ed25519 key that signs receipts, 32 bytes; null where the router gives none. */
  readonly receiptKey: Uint8Array | null;
  /** Grows with every rotation, and whenever the router's keys are made anew. */
  readonly epoch: number;
  readonly software: ClaimedSoftware;
  /** SHA-256 of the policy by which upstreams are picked, lower-case hexadecimal; null where it is not said. */
  readonly upstreamPolicySha256: string | null;
  readonly verifiedAt: Date;
  /** When to attest anew. */
  readonly validUntil: Date;
  readonly steps: readonly VerificationStep[];
  readonly evidence: VerifiedEvidence;
}

/** Puts together what evidence proves that has passed every step. */
export function attestationResult(
  evidence: VerifiedEvidence,
  claims: BoundClaims,
  policy: AttestationPolicy,
  answersNonce: boolean,
  now: number,
): AttestationResult {
  const warnings = warningsOf(evidence, policy);
  const madeAt = answersNonce ? now : claims.issuedAt * 1_000;
  return {
    status: warnings.length === 0 ? 'affirming' : 'warning',
    warnings,
    type: evidence.type,
    measurements: measurementsOf(evidence),
    tcb: 'tcb' in evidence ? evidence.tcb : null,
    advisories: advisoriesOf(evidence),
    claims,
    kid: claims.kid,
    keyConfigs: claims.keyConfigs,
    rsaKeySha256: claims.rsaKeySha256,
    ehbpKey: claims.ehbpKey,
    receiptKey: claims.receiptKey ?? null,
    epoch: claims.epoch,
    software: claims.software,
    upstreamPolicySha256: claims.upstreamPolicySha256 ?? null,
    verifiedAt: new Date(now),
    validUntil: new Date(
      Math.min(claims.expiresAt * 1_000, evidence.validUntil, madeAt + policy.maxAgeSeconds * 1_000),
    ),
    steps: [
      passed('schema', 'the bundle is well-formed'),
      passed('type', `the policy lists ${evidence.type}`),
      passed('binding', answersNonce ? 'the evidence answers the challenge' : 'the evidence commits to the claims'),
      passed(
        'crypto',
        evidence.type === 'software' ? 'signed by software' : 'signed by the vendor, up to the pinned root',
      ),
      passed('policy', 'the policy allows what the evidence says'),
      passed('claims', 'router, time and key are as expected'),
    ],
    evidence,
  };
}

function passed(name: VerificationStep['name'], detail: string): VerificationStep {
  return { name, status: 'passed', detail };
}

function measurementsOf(evidence: VerifiedEvidence): Readonly<Record<string, string>> {
  switch (evidence.type) {
    case 'sev-snp':
      return { measurement: evidence.measurement, hostData: evidence.hostData };
    case 'tdx':
      return trustDomain(evidence);
    case 'dstack-tdx':
      return {
        ...trustDomain(evidence),
        ...(evidence.composeHash === null ? {} : { composeHash: evidence.composeHash }),
        ...(evidence.appId === null ? {} : { appId: evidence.appId }),
      };
    case 'aws-nitro':
      return Object.fromEntries([...evidence.pcrs].map(([index, value]) => [`pcr${index}`, value]));
    case 'software':
      return {};
  }
}

function trustDomain({ mrTd, rtmr, mrConfigId }: { mrTd: string; rtmr: readonly string[]; mrConfigId: string }) {
  return { mrTd, ...Object.fromEntries(rtmr.map((value, index) => [`rtmr${index}`, value])), mrConfigId };
}

function advisoriesOf(evidence: VerifiedEvidence): readonly string[] {
  return evidence.type === 'tdx' || evidence.type === 'dstack-tdx' ? evidence.tcb.advisories : [];
}

function warningsOf(evidence: VerifiedEvidence, policy: AttestationPolicy): readonly string[] {
  if (evidence.type === 'software') return ['software evidence proves nothing'];
  const warnings: string[] = [];
  const anyMeasurement = policy.platforms.some(
    (entry) => entry.type === evidence.type && entry.dangerouslyAcceptAnyMeasurement,
  );
  if (anyMeasurement) warnings.push('any software is accepted');
  if (evidence.type === 'sev-snp') {
    if (evidence.product === 'Milan') warnings.push('attestation keys of Milan can be extracted by software');
    return warnings;
  }
  if (evidence.type === 'aws-nitro') return warnings;
  if (evidence.tcb.status !== 'UpToDate') warnings.push(`TCB status is ${evidence.tcb.status}`);
  if (!evidence.attributes.septVeDisable) warnings.push('the host can inject exceptions');
  return warnings;
}
