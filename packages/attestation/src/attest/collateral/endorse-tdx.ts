import type { TdxCollateral } from '../../tdx/collateral.ts';
import { type PckExtensions, parsePckExtensions } from '../../tdx/pck-extensions.ts';
import { parseTdxQuote } from '../../tdx/quote.ts';
import { parsing } from '../../verification-error.ts';
import { commonName, parseCertificate } from '../../x509/certificate.ts';
import type { IntelPcs } from './intel-pcs.ts';

const PROCESSOR_CA = 'Intel SGX PCK Processor CA'; // Intel SGX PCK Certificate and CRL Profile §1.2

/**
 * Fetches what Intel says of the platform that made a quote.
 * @throws AttestationError `evidence_malformed`, `fetch_failed`
 */
export async function fetchTdxCollateral(
  quote: Uint8Array,
  pcs: IntelPcs,
  signal: AbortSignal,
): Promise<TdxCollateral> {
  const { platform, ca } = readPlatform(quote);
  const [tcbInfo, qeIdentity, pckCrl, rootCaCrl] = await Promise.all([
    pcs.tcbInfo(platform.fmspc, signal),
    pcs.qeIdentity(signal),
    pcs.pckCrl(ca, signal),
    pcs.rootCaCrl(signal),
  ]);
  return {
    tcbInfo: tcbInfo.text,
    tcbInfoSignature: tcbInfo.signature,
    tcbInfoIssuerChain: tcbInfo.issuerChain,
    qeIdentity: qeIdentity.text,
    qeIdentitySignature: qeIdentity.signature,
    qeIdentityIssuerChain: qeIdentity.issuerChain,
    pckCrl: pckCrl.crl,
    pckCrlIssuerChain: pckCrl.issuerChain,
    rootCaCrl,
  };
}

function readPlatform(quote: Uint8Array): { platform: PckExtensions; ca: 'platform' | 'processor' } {
  return parsing('parse.quote', 'evidence_malformed', 'the certificates of the TDX quote', () => {
    const [pck] = parseTdxQuote(quote).pckChain;
    if (pck === undefined) throw new RangeError('quote has no PCK certificate');
    const certificate = parseCertificate(pck);
    const ca = commonName(certificate.issuer) === PROCESSOR_CA ? 'processor' : 'platform';
    return { platform: parsePckExtensions(certificate), ca };
  });
}
