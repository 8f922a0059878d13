export type { AttestationResult, VerificationStep } from './attestation-result.ts';
export type { Attester } from './attester.ts';
export { computeReportData, NONCE_BYTES, REPORT_DATA_BYTES } from './binding.ts';
export {
  type Bundle,
  EVIDENCE_TYPES,
  type Evidence,
  type EvidenceType,
  MAX_BUNDLE_BYTES,
  parseBundle,
} from './bundle.ts';
export { encodeBundle } from './bundle-encoding.ts';
export { type BoundClaims, parseClaims } from './claims.ts';
export type { ClaimsExpectation } from './claims-check.ts';
export type { DstackIdentity } from './dstack/event-log.ts';
export { type DstackEvidence, type VerifiedDstack, verifyDstack } from './dstack/verify.ts';
export type { VerifiedEvidence } from './evidence.ts';
export type { UnendorsedEvidence } from './evidence-schema.ts';
export { type NitroEvidence, type VerifiedNitro, verifyNitro } from './nitro/verify.ts';
export { observingPolicy } from './policy/observing-policy.ts';
export {
  type AttestationPolicy,
  type AttestationPolicyInput,
  type PlatformPolicy,
  type PlatformPolicyInput,
  parsePolicy,
} from './policy/policy.ts';
export { PINNED_ROOTS, type SevProduct, type TrustRoots } from './roots.ts';
export type { SnpGuestPolicy } from './sev-snp/guest-policy.ts';
export type { SnpFirmware } from './sev-snp/report.ts';
export type { SnpTcb } from './sev-snp/tcb-version.ts';
export { type SevSnpEvidence, type VerifiedSevSnp, verifySevSnp } from './sev-snp/verify.ts';
export {
  SOFTWARE_WARNING,
  type SoftwareEvidence,
  softwareSignedBytes,
  type VerifiedSoftware,
  verifySoftware,
} from './software/verify.ts';
export type { TdxCollateral } from './tdx/collateral.ts';
export type { TdxTcb } from './tdx/tcb-evaluation.ts';
export { ALLOWABLE_TCB_STATUSES, type TcbStatus } from './tdx/tcb-status.ts';
export type { TdAttributes } from './tdx/td-report.ts';
export { type TdxEvidence, type VerifiedTdx, verifyTdx } from './tdx/verify.ts';
export { type TierPreset, tierPreset } from './tier-presets.ts';
export { DEFAULT_CLOCK_SKEW_MS, type VerificationOptions } from './verification-context.ts';
export { type VerifyBundleOptions, verifyBundle } from './verify-bundle.ts';
