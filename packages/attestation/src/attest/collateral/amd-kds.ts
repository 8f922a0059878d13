import { decodeUtf8, encodeHex } from '@sotto/protocol';
import type { SevProduct } from '../../roots.ts';
import type { SnpTcb } from '../../sev-snp/tcb-version.ts';
import { MAX_CERTIFICATE_BYTES, parseCertificate } from '../../x509/certificate.ts';
import { MAX_CRL_BYTES, parseCrl } from '../../x509/crl.ts';
import type { Dated } from './collateral-cache.ts';
import { type CollateralOptions, pathBelow, serviceUrl } from './collateral-options.ts';
import { collateralService } from './collateral-service.ts';
import type { Answer } from './fetch-answer.ts';
import { decodeLenientPem } from './lenient-pem.ts';

const AMD_KDS_URL = 'https://kdsintf.amd.com';
const CHIP_ID_BYTES = { Milan: 64, Genoa: 64, Turin: 8 } as const; // AMD 57230 §3.1: hwID is 8 bytes from Turin on
const MAX_CHAIN_BYTES = 16_384;

/** AMD's key distribution service (AMD 57230 §4), or a cache of it. All it gives is DER. */
export interface AmdKds {
  /** Certificate of the key that a chip derives for a TCB version. */
  vcek(product: SevProduct, chipId: Uint8Array, tcb: SnpTcb, signal: AbortSignal): Promise<Uint8Array>;
  /** The intermediate certificate for that kind of key, and the root. */
  chain(product: SevProduct, signer: 'vcek' | 'vlek', signal: AbortSignal): Promise<AmdChain>;
  /** The root's revocation list. */
  crl(product: SevProduct, signal: AbortSignal): Promise<Uint8Array>;
  forget(): void;
}

/** Certificates of AMD above a chip's or cloud's, DER. */
export interface AmdChain {
  readonly ask: Uint8Array;
  readonly ark: Uint8Array;
}

/**
 * Asks AMD's key distribution service. Nothing of it is verified here: what evidence is made of is verified whole.
 * @throws ConfigurationError `invalid_config` for an address that is not https
 */
export function amdKds(options: CollateralOptions = {}): AmdKds {
  const base = serviceUrl(options.amdKdsUrl ?? AMD_KDS_URL);
  const service = collateralService<readonly Uint8Array[]>(options);
  const one = async (
    path: string,
    maxBytes: number,
    read: (answer: Answer) => Dated<readonly Uint8Array[]>,
    signal: AbortSignal,
  ) => {
    const [first] = await service.get(pathBelow(base, path), maxBytes, read, signal);
    return first ?? new Uint8Array();
  };
  return {
    vcek: (product, chipId, tcb, signal) =>
      one(vcekPath(product, chipId, tcb), MAX_CERTIFICATE_BYTES, readLeaf, signal),
    async chain(product, signer, signal) {
      const url = pathBelow(base, `/${signer}/v1/${product}/cert_chain`);
      const [ask, ark] = await service.get(url, MAX_CHAIN_BYTES, readChain, signal);
      return { ask: ask ?? new Uint8Array(), ark: ark ?? new Uint8Array() };
    },
    crl: (product, signal) => one(`/vcek/v1/${product}/crl`, MAX_CRL_BYTES, readCrl, signal),
    forget: () => service.forget(),
  };
}

/** AMD 57230 §4.1: decimal, two digits at least. */
function vcekPath(product: SevProduct, chipId: Uint8Array, tcb: SnpTcb): string {
  const query = new URLSearchParams();
  const add = (name: string, svn: number) => query.set(`${name}SPL`, String(svn).padStart(2, '0'));
  if (tcb.fmc !== undefined) add('fmc', tcb.fmc);
  add('bl', tcb.bl);
  add('tee', tcb.tee);
  add('snp', tcb.snp);
  add('ucode', tcb.ucode);
  return `/vcek/v1/${product}/${encodeHex(chipId.subarray(0, CHIP_ID_BYTES[product]))}?${query}`;
}

function readLeaf({ body }: Answer): Dated<readonly Uint8Array[]> {
  return { value: [body], validUntil: parseCertificate(body).notAfter };
}

function readChain({ body }: Answer): Dated<readonly Uint8Array[]> {
  const chain = decodeLenientPem(decodeUtf8(body) ?? '');
  if (chain.length !== 2) throw new RangeError('chain of AMD has not two certificates');
  return { value: chain, validUntil: Math.min(...chain.map((der) => parseCertificate(der).notAfter)) };
}

function readCrl({ body }: Answer): Dated<readonly Uint8Array[]> {
  return { value: [body], validUntil: parseCrl(body).nextUpdate };
}
