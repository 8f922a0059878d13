import { encodeHex } from '@sotto/protocol';
import type { TdxCollateral } from '../../tdx/collateral.ts';
import { encodePemChain } from '../../x509/pem.ts';
import type { SevSnpEmulator } from '../sev-snp-emulator.ts';
import type { CollateralAnswer } from './collateral-server.ts';

/** What AMD's key distribution service answers about a synthetic chip (AMD 57230 §4). */
export async function kdsAnswers(sevSnp: SevSnpEmulator): Promise<ReadonlyMap<string, CollateralAnswer>> {
  const { product, ark, ask, asvk, crl } = sevSnp;
  const { leaf } = await sevSnp.attest(new Uint8Array(64));
  const chain = (intermediate: Uint8Array) => ({
    body: encodePemChain(intermediate, ark.certificate),
    contentType: 'application/x-pem-file',
  });
  return new Map<string, CollateralAnswer>([
    [vcekPath(sevSnp), { body: leaf, contentType: 'application/pkix-cert' }],
    [`/vcek/v1/${product}/cert_chain`, chain(ask.certificate)],
    [`/vlek/v1/${product}/cert_chain`, chain(asvk.certificate)],
    [`/vcek/v1/${product}/crl`, { body: crl, contentType: 'application/pkix-crl' }],
  ]);
}

function vcekPath({ product, chipId, tcb }: SevSnpEmulator): string {
  const two = (svn: number) => (svn < 10 ? `0${svn}` : `${svn}`);
  const { fmc, bl, tee, snp, ucode } = tcb;
  const first = fmc === undefined ? '' : `fmcSPL=${two(fmc)}&`;
  const chip = encodeHex(product === 'Turin' ? chipId.subarray(0, 8) : chipId);
  const levels = `${first}blSPL=${two(bl)}&teeSPL=${two(tee)}&snpSPL=${two(snp)}&ucodeSPL=${two(ucode)}`;
  return `/vcek/v1/${product}/${chip}?${levels}`;
}

/** Path of the revocation list of Intel's root, which another service has than the rest. */
export const INTEL_ROOT_CRL_PATH = '/IntelSGXRootCA.der';

/** What Intel's provisioning certification service, version 4, answers about a platform. */
export function pcsAnswers(
  collateral: TdxCollateral,
  fmspc = '50806F000000',
  ca: 'platform' | 'processor' = 'platform',
): ReadonlyMap<string, CollateralAnswer> {
  const chain = (pem: string) => encodeURIComponent(pem);
  const document = (name: string, text: string, signature: Uint8Array) =>
    `{"${name}":${text},"signature":"${encodeHex(signature)}"}`;
  const der = (body: Uint8Array) => ({ body, contentType: 'application/pkix-crl' });
  return new Map<string, CollateralAnswer>([
    [
      `/tdx/certification/v4/tcb?fmspc=${fmspc}`,
      {
        body: document('tcbInfo', collateral.tcbInfo, collateral.tcbInfoSignature),
        contentType: 'application/json',
        headers: { 'TCB-Info-Issuer-Chain': chain(collateral.tcbInfoIssuerChain) },
      },
    ],
    [
      '/tdx/certification/v4/qe/identity',
      {
        body: document('enclaveIdentity', collateral.qeIdentity, collateral.qeIdentitySignature),
        contentType: 'application/json',
        headers: { 'SGX-Enclave-Identity-Issuer-Chain': chain(collateral.qeIdentityIssuerChain) },
      },
    ],
    [
      `/sgx/certification/v4/pckcrl?ca=${ca}&encoding=der`,
      { ...der(collateral.pckCrl), headers: { 'SGX-PCK-CRL-Issuer-Chain': chain(collateral.pckCrlIssuerChain) } },
    ],
    [INTEL_ROOT_CRL_PATH, der(collateral.rootCaCrl)],
  ]);
}
