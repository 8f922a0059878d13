import { QuoteVerifier } from '@phala/dcap-qvl';
import type { TdxCollateral } from '../src/tdx/collateral.ts';

/** What @phala/dcap-qvl says of a quote that it accepts; it throws where it does not. `root` is DER. */
export function verifyWithQvl(
  { quote, collateral }: { readonly quote: Uint8Array; readonly collateral: TdxCollateral },
  root: Uint8Array,
  at: Date,
): { readonly status: string; readonly advisoryIds: readonly string[] } {
  const theirs = {
    pck_crl_issuer_chain: collateral.pckCrlIssuerChain,
    root_ca_crl: [...collateral.rootCaCrl],
    pck_crl: [...collateral.pckCrl],
    tcb_info_issuer_chain: collateral.tcbInfoIssuerChain,
    tcb_info: collateral.tcbInfo,
    tcb_info_signature: [...collateral.tcbInfoSignature],
    qe_identity_issuer_chain: collateral.qeIdentityIssuerChain,
    qe_identity: collateral.qeIdentity,
    qe_identity_signature: [...collateral.qeIdentitySignature],
  };
  const verifier = QuoteVerifier.newWithRootCa(Buffer.from(root));
  const report = verifier.verify(quote, theirs, Math.floor(at.getTime() / 1_000));
  return { status: report.status, advisoryIds: report.advisory_ids };
}
