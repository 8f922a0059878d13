import { decodeUtf8 } from '@sotto/protocol';
import * as z from 'zod/mini';
import { decodeHex } from '../../hex.ts';
import { parseCertificate } from '../../x509/certificate.ts';
import { MAX_CRL_BYTES, parseCrl } from '../../x509/crl.ts';
import { encodePemChain } from '../../x509/pem.ts';
import type { Dated } from './collateral-cache.ts';
import { type CollateralOptions, pathBelow, serviceUrl } from './collateral-options.ts';
import { collateralService } from './collateral-service.ts';
import type { Answer } from './fetch-answer.ts';
import { decodeLenientPem } from './lenient-pem.ts';
import { sliceObjectMember } from './signed-member.ts';

const INTEL_PCS_URL = 'https://api.trustedservices.intel.com';
const INTEL_ROOT_CRL_URL = 'https://certificates.trustedservices.intel.com/IntelSGXRootCA.der';
const MAX_DOCUMENT_BYTES = 131_072;
const MAX_CHAIN_CHARACTERS = 32_768;

/** A document of Intel's: the signed text as it came, r ‖ s, and the signer's chain, PEM. */
export interface IntelDocument {
  readonly text: string;
  readonly signature: Uint8Array;
  readonly issuerChain: string;
}

/** A revocation list of Intel's, DER, and its issuer's chain, PEM; the root's comes without one. */
export interface IntelCrl {
  readonly crl: Uint8Array;
  readonly issuerChain: string;
}

/** Intel's provisioning certification service, version 4, or a cache of it. */
export interface IntelPcs {
  /** TCB info of TDX for a platform family: 6 bytes, hexadecimal. */
  tcbInfo(fmspc: string, signal: AbortSignal): Promise<IntelDocument>;
  /** Identity of the quoting enclave for TDX. */
  qeIdentity(signal: AbortSignal): Promise<IntelDocument>;
  /** Revocation list of the CA that signs PCK certificates. */
  pckCrl(ca: 'platform' | 'processor', signal: AbortSignal): Promise<IntelCrl>;
  rootCaCrl(signal: AbortSignal): Promise<Uint8Array>;
  forget(): void;
}

/**
 * Asks Intel's provisioning certification service. Nothing of it is verified here: what evidence is made of is verified
 * whole.
 * @throws ConfigurationError `invalid_config` for an address that is not https
 */
export function intelPcs(options: CollateralOptions = {}): IntelPcs {
  const base = serviceUrl(options.intelPcsUrl ?? INTEL_PCS_URL);
  const rootCrlUrl = serviceUrl(options.intelRootCrlUrl ?? INTEL_ROOT_CRL_URL);
  const documents = collateralService<IntelDocument>(options);
  const crls = collateralService<IntelCrl>(options);
  return {
    tcbInfo: (fmspc, signal) =>
      documents.get(
        pathBelow(base, `/tdx/certification/v4/tcb?fmspc=${fmspc.toUpperCase()}`),
        MAX_DOCUMENT_BYTES,
        (answer) => readDocument(answer, 'tcbInfo', 'tcb-info-issuer-chain'),
        signal,
      ),
    qeIdentity: (signal) =>
      documents.get(
        pathBelow(base, '/tdx/certification/v4/qe/identity'),
        MAX_DOCUMENT_BYTES,
        (answer) => readDocument(answer, 'enclaveIdentity', 'sgx-enclave-identity-issuer-chain'),
        signal,
      ),
    pckCrl: (ca, signal) =>
      crls.get(
        pathBelow(base, `/sgx/certification/v4/pckcrl?ca=${ca}&encoding=der`),
        MAX_CRL_BYTES,
        (answer) => readCrl(answer, issuerChain(answer, 'sgx-pck-crl-issuer-chain')),
        signal,
      ),
    rootCaCrl: async (signal) =>
      (await crls.get(rootCrlUrl, MAX_CRL_BYTES, (answer) => readCrl(answer, NO_CHAIN), signal)).crl,
    forget() {
      documents.forget();
      crls.forget();
    },
  };
}

interface IssuerChain {
  readonly pem: string;
  readonly validUntil: number;
}

const NO_CHAIN: IssuerChain = { pem: '', validUntil: Number.POSITIVE_INFINITY };
const envelope = z.looseObject({ signature: z.string().check(z.regex(/^[0-9A-Fa-f]{128}$/)) });
const dated = z.looseObject({ nextUpdate: z.iso.datetime() });

function readDocument(answer: Answer, name: string, chainHeader: string): Dated<IntelDocument> {
  const body = decodeUtf8(answer.body) ?? '';
  const { signature } = z.parse(envelope, JSON.parse(body));
  const text = sliceObjectMember(body, name);
  const nextUpdate = Date.parse(z.parse(dated, JSON.parse(text)).nextUpdate);
  const { pem, validUntil } = issuerChain(answer, chainHeader);
  return {
    value: { text, signature: decodeHex(signature.toLowerCase()) ?? new Uint8Array(), issuerChain: pem },
    validUntil: Math.min(nextUpdate, validUntil),
  };
}

function readCrl({ body }: Answer, chain: IssuerChain): Dated<IntelCrl> {
  const validUntil = Math.min(parseCrl(body).nextUpdate, chain.validUntil);
  return { value: { crl: body, issuerChain: chain.pem }, validUntil };
}

/** Issuer chains come in a header field, URL-encoded; the certificates are written anew, in the one strict spelling. */
function issuerChain({ headers }: Answer, header: string): IssuerChain {
  const encoded = headers.get(header) ?? '';
  if (encoded === '' || encoded.length > MAX_CHAIN_CHARACTERS)
    throw new RangeError('issuer chain is missing or too long');
  const chain = decodeLenientPem(decodeURIComponent(encoded));
  if (chain.length !== 2) throw new RangeError('issuer chain has not two certificates');
  return {
    pem: encodePemChain(...chain),
    validUntil: Math.min(...chain.map((der) => parseCertificate(der).notAfter)),
  };
}
