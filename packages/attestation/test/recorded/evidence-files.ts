import * as z from 'zod';
import type { DstackEvidence } from '../../src/dstack/verify.ts';
import { decodeHex } from '../../src/hex.ts';
import type { TdxCollateral } from '../../src/tdx/collateral.ts';
import { hasSharedEvidence, recorded, recordedText } from './shared-evidence.ts';

const hexBytes = z.string().transform((text) => {
  const bytes = decodeHex(text);
  if (bytes === null) throw new RangeError('not lower-case hexadecimal');
  return bytes;
});

// Strict, so that nothing the recordings come with is left out of the comparison unseen.
const snp = z.strictObject({
  name: z.string(),
  report: z.string(),
  leaf: z.string(),
  at: z.coerce.date(),
  product: z.enum(['Milan', 'Genoa', 'Turin']),
  version: z.number(),
  signer: z.enum(['vcek', 'vlek']),
  vmpl: z.number(),
  debug: z.boolean(),
  policy: z.coerce.bigint(),
  platformInfo: z.coerce.bigint(),
  tcbReported: z.record(z.string(), z.number()),
  fwCurrent: z.string(),
  fwCommitted: z.string(),
  guestSvn: z.number(),
  reportData: z.string(),
  measurement: z.string(),
  hostData: z.string(),
  chipId: z.string(),
  crypto: z.literal('valid'),
  leafNotBefore: z.coerce.date(),
  leafNotAfter: z.coerce.date(),
});
const tdx = z.strictObject({
  name: z.string(),
  quote: z.string(),
  collateral: z.string(),
  at: z.coerce.date(),
  version: z.number(),
  bodyType: z.number(),
  reportData: z.string(),
  mrTd: z.string(),
  rtmr: z.array(z.string()),
  mrSeam: z.string(),
  tdAttributes: z.string(),
  xfam: z.string(),
  teeTcbSvn: z.string(),
  mrConfigId: z.string(),
  crypto: z.enum(['valid', 'valid-but-no-tcb-level']),
  why: z.string().optional(),
  tcbStatus: z.string().optional(),
  parts: z.array(z.string()).optional(),
  advisories: z.array(z.string()).optional(),
  debug: z.boolean().optional(),
  septVeDisable: z.boolean().optional(),
  fmspc: z.string().optional(),
  tcbEvaluationDataNumber: z.number().optional(),
});
const nitro = z.strictObject({
  name: z.string(),
  doc: z.string(),
  at: z.coerce.date(),
  crypto: z.literal('valid'),
  moduleId: z.string(),
  debug: z.boolean(),
  userData: z.string().nullable(),
  nonce: z.string().nullable(),
  publicKey: z.string().nullable(),
  pcr0: z.string(),
  pcr1: z.string(),
  pcr2: z.string(),
  leafNotAfter: z.coerce.date(),
});
const expected = z.strictObject({
  note: z.string(),
  snp: z.array(snp),
  tdx: z.array(tdx),
  nitro: z.array(nitro),
});
/** Every recorded file, as the manifest beside them lists it. */
const manifest = z.array(z.object({ file: z.string() }));

/** What the recordings must give, each at its time. */
export const EXPECTED: z.infer<typeof expected> = hasSharedEvidence
  ? expected.parse(JSON.parse(recordedText('EXPECTED.json')))
  : { note: '', snp: [], tdx: [], nitro: [] };

/** Names of all recorded files. */
export const RECORDED_FILES: readonly string[] = hasSharedEvidence
  ? manifest.parse(JSON.parse(recordedText('MANIFEST.json'))).map(({ file }) => file)
  : [];

/** The file of the intermediate and root that signed a leaf. */
export function amdChainFile({ product, signer }: (typeof EXPECTED.snp)[number]): string {
  const kind = signer === 'vlek' ? '_vlek' : product === 'Turin' ? '_vcek' : '';
  return `roots/amd-ask_ark_${product.toLowerCase()}${kind}.pem`;
}

/** Intermediate and root, DER. */
export function amdChain(entry: (typeof EXPECTED.snp)[number]): { ask: Uint8Array; ark: Uint8Array } {
  // The recordings wrap their lines in different ways; on the wire these certificates are DER.
  const blocks = recordedText(amdChainFile(entry)).matchAll(/-----BEGIN CERTIFICATE-----([^-]*)-----END/g);
  const [ask, ark] = [...blocks].map(([, body = '']) => new Uint8Array(Buffer.from(body, 'base64')));
  if (ask === undefined || ark === undefined) throw new RangeError('chain file is incomplete');
  return { ask, ark };
}

const collateralFile = z.strictObject({
  tcb_info: z.string(),
  tcb_info_signature: hexBytes,
  tcb_info_issuer_chain: z.string(),
  qe_identity: z.string(),
  qe_identity_signature: hexBytes,
  qe_identity_issuer_chain: z.string(),
  pck_crl: hexBytes,
  pck_crl_issuer_chain: z.string(),
  root_ca_crl: hexBytes,
});

/** Collateral as the recording's tool writes it. */
export function readCollateral(json: string): TdxCollateral {
  const file = collateralFile.parse(JSON.parse(json));
  return {
    tcbInfo: file.tcb_info,
    tcbInfoSignature: file.tcb_info_signature,
    tcbInfoIssuerChain: file.tcb_info_issuer_chain,
    qeIdentity: file.qe_identity,
    qeIdentitySignature: file.qe_identity_signature,
    qeIdentityIssuerChain: file.qe_identity_issuer_chain,
    pckCrl: file.pck_crl,
    pckCrlIssuerChain: file.pck_crl_issuer_chain,
    rootCaCrl: file.root_ca_crl,
  };
}

const dstackFile = z.object({ quote: hexBytes, event_log: z.string(), report_data: hexBytes, vm_config: z.string() });

/** Evidence of dstack as its guest agent writes it. The recording has no collateral, but one for its platform lies near. */
export function readDstack(json: string): DstackEvidence {
  const file = dstackFile.parse(JSON.parse(json));
  return { quote: file.quote, eventLog: file.event_log, collateral: readCollateral(recordedText(DSTACK_COLLATERAL)) };
}

/** The one chain that no recorded leaf goes through; its root is that of the other chain of the family. */
export const UNUSED_CHAIN_FILE = 'roots/amd-ask_ark_genoa_vlek.pem';
export const DSTACK_FILE = 'dstack/quote-report.json';
const DSTACK_COLLATERAL = 'tdx/phala-outdated.collateral.json';
/** When that collateral was issued. */
export const DSTACK_AT: Date = new Date('2026-02-18T11:58:51Z');

export { hasSharedEvidence, recorded, recordedText };
