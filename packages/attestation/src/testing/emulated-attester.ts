import type { Attester } from '../attester.ts';
import type { EvidenceType, UnendorsedEvidence } from '../evidence-schema.ts';
import type { SyntheticPlatforms } from './synthetic-router.ts';

/** Options of {@link emulatedAttester}. */
export interface EmulatedAttesterOptions {
  readonly platforms: SyntheticPlatforms;
  /** Leaves out what a vendor's service has to add, as hardware does. */
  readonly unendorsed?: boolean;
  /** Hears of every request before it is answered; what it throws is the attester's failure. */
  readonly onAttest?: (reportData: Uint8Array, signal: AbortSignal) => Promise<void> | void;
}

/** An attester of a synthetic platform: it signs whatever report data it is given. */
export function emulatedAttester(type: EvidenceType, options: EmulatedAttesterOptions): Attester {
  const { platforms, unendorsed = false, onAttest } = options;
  return {
    type,
    async attest(reportData, signal, nonce) {
      await onAttest?.(reportData, signal);
      const evidence = await platforms.attest(type, reportData, nonce);
      return unendorsed ? withoutEndorsements(evidence) : evidence;
    },
  };
}

/** Evidence as hardware gives it: no certificates of AMD, no collateral of Intel. */
export function withoutEndorsements(evidence: UnendorsedEvidence): UnendorsedEvidence {
  switch (evidence.type) {
    case 'sev-snp':
      return { type: evidence.type, report: evidence.report };
    case 'tdx':
      return { type: evidence.type, quote: evidence.quote };
    case 'dstack-tdx': {
      const { collateral: _, ...bare } = evidence;
      return bare;
    }
    case 'aws-nitro':
    case 'software':
      return evidence;
  }
}
