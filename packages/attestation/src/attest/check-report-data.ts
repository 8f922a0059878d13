import { ConfigurationError, equalBytes } from '@sotto/protocol';
import { REPORT_DATA_BYTES } from '../binding.ts';
import { readReportData } from '../evidence.ts';
import type { UnendorsedEvidence } from '../evidence-schema.ts';
import { attesterError } from './attester-error.ts';

/**
 * Refuses report data that no platform has room for.
 * @throws ConfigurationError `invalid_option`
 */
export function checkReportData(reportData: Uint8Array): void {
  if (reportData.length !== REPORT_DATA_BYTES) {
    throw new ConfigurationError('report data has 64 bytes', { code: 'invalid_option' });
  }
}

/**
 * Reads fresh evidence once, as a verifier will, and checks that it commits to what was asked for: a platform may
 * hand out somebody else's report, or half of one.
 * @throws AttestationError `evidence_malformed`, `binding_mismatch`
 */
export function checkCommitment(evidence: UnendorsedEvidence, reportData: Uint8Array, step: string): void {
  // A missing certificate does not change what the report itself says.
  const found = readReportData(evidence.type === 'sev-snp' ? { ...evidence, leaf: new Uint8Array() } : evidence);
  if (found !== null && !equalBytes(found, reportData)) {
    throw attesterError({
      step,
      code: 'binding_mismatch',
      message:
        'the evidence commits to other report data than was asked for: something between us and the TEE changes it',
    });
  }
}
