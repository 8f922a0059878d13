import type { Evidence } from './bundle.ts';
import { type VerifiedDstack, verifyDstack } from './dstack/verify.ts';
import { parseNitroDocument } from './nitro/attestation-document.ts';
import { type VerifiedNitro, verifyNitro } from './nitro/verify.ts';
import { parseSnpReport } from './sev-snp/report.ts';
import { type VerifiedSevSnp, verifySevSnp } from './sev-snp/verify.ts';
import { type VerifiedSoftware, verifySoftware } from './software/verify.ts';
import { parseTdxQuote } from './tdx/quote.ts';
import { type VerifiedTdx, verifyTdx } from './tdx/verify.ts';
import type { VerificationOptions } from './verification-context.ts';
import { parsing } from './verification-error.ts';

/** Evidence whose signatures and chains have been verified; `type` tells which. */
export type VerifiedEvidence = VerifiedSevSnp | VerifiedTdx | VerifiedDstack | VerifiedNitro | VerifiedSoftware;

/**
 * What unverified evidence claims to commit to. @returns null for evidence that commits by its signature alone
 * @throws AttestationError `evidence_malformed`
 */
export function readReportData(evidence: Evidence): Uint8Array | null {
  return parsing('parse.evidence', 'evidence_malformed', 'the evidence', () => {
    switch (evidence.type) {
      case 'sev-snp':
        return parseSnpReport(evidence.report).reportData;
      case 'tdx':
      case 'dstack-tdx':
        return parseTdxQuote(evidence.quote).report.reportData;
      case 'aws-nitro':
        return parseNitroDocument(evidence.document).userData ?? new Uint8Array();
      case 'software':
        return null;
    }
  });
}

/** Verifies evidence of any kind; `reportData` is what software evidence, which has no room for it, has to sign. */
export async function verifyEvidence(
  evidence: Evidence,
  reportData: Uint8Array,
  options: VerificationOptions,
): Promise<VerifiedEvidence> {
  switch (evidence.type) {
    case 'sev-snp':
      return verifySevSnp(evidence, options);
    case 'tdx':
      return verifyTdx(evidence, options);
    case 'dstack-tdx':
      return verifyDstack(evidence, options);
    case 'aws-nitro':
      return verifyNitro(evidence, options);
    case 'software':
      return verifySoftware({ ...evidence, reportData });
  }
}

/** What verified evidence commits to. */
export function verifiedReportData(evidence: VerifiedEvidence): Uint8Array {
  return evidence.type === 'aws-nitro' ? (evidence.userData ?? new Uint8Array()) : evidence.reportData;
}
