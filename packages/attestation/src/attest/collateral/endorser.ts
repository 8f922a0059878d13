import type { Evidence, UnendorsedEvidence } from '../../evidence-schema.ts';
import type { SevProduct } from '../../roots.ts';
import { amdKds } from './amd-kds.ts';
import type { CollateralOptions } from './collateral-options.ts';
import { endorseSevSnp } from './endorse-sev-snp.ts';
import { fetchTdxCollateral } from './endorse-tdx.ts';
import { intelPcs } from './intel-pcs.ts';

/** Options of {@link createEndorser}. */
export interface EndorserOptions extends CollateralOptions {
  /** The processor family, for reports of version 2 that come without a certificate: they do not say. */
  readonly sevProduct?: SevProduct;
  /**
   * Leaves AMD's revocation list out, for machines that reach no service and whose host gives the certificates. Clients
   * that require the list, as the highest tier does, refuse such evidence.
   */
  readonly skipAmdCrl?: boolean;
}

/** Adds to evidence what its verifier needs beside it. */
export interface Endorser {
  /**
   * Completes evidence with certificates, revocation lists and collateral of its vendor. Collateral and
   * revocation lists that it holds already are left as they are; AWS Nitro and software need none.
   * @throws AttestationError `fetch_failed`, `collateral_missing`, `evidence_malformed`
   * @throws ConfigurationError `invalid_config`
   * @throws APIUserAbortError `request_aborted`
   */
  endorse(evidence: UnendorsedEvidence, signal: AbortSignal): Promise<Evidence>;
  /** Asks for everything anew the next time: for when endorsed evidence does not verify. */
  forget(): void;
}

/**
 * Makes an endorser over the vendors' services, with one cache for all its evidence.
 * @throws ConfigurationError `invalid_config` for an address that is not https
 */
export function createEndorser(options: EndorserOptions = {}): Endorser {
  const [kds, pcs] = [amdKds(options), intelPcs(options)];
  const sevSnp = { kds, product: options.sevProduct ?? null, skipCrl: options.skipAmdCrl ?? false };
  return {
    async endorse(evidence, signal) {
      switch (evidence.type) {
        case 'sev-snp':
          return endorseSevSnp(evidence, sevSnp, signal);
        case 'tdx':
        case 'dstack-tdx':
          return evidence.collateral === undefined
            ? { ...evidence, collateral: await fetchTdxCollateral(evidence.quote, pcs, signal) }
            : evidence;
        case 'aws-nitro':
        case 'software':
          return evidence;
      }
    },
    forget() {
      kds.forget();
      pcs.forget();
    },
  };
}
