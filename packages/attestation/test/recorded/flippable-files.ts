import { decodeLenientPem } from '../../src/attest/collateral/lenient-pem.ts';
import type { DstackEvidence } from '../../src/dstack/verify.ts';
import { parseNitroDocument } from '../../src/nitro/attestation-document.ts';
import type { NitroEvidence } from '../../src/nitro/verify.ts';
import { PINNED_ROOTS } from '../../src/roots.ts';
import type { SevSnpEvidence } from '../../src/sev-snp/verify.ts';
import { parseTdxQuote } from '../../src/tdx/quote.ts';
import type { TdxEvidence } from '../../src/tdx/verify.ts';
import { DEFAULT_CLOCK_SKEW_MS, type VerificationOptions } from '../../src/verification-context.ts';
import { attestationError, parsing } from '../../src/verification-error.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { type ChainRules, verifyChain } from '../../src/x509/chain.ts';
import { verifySignature } from '../../src/x509/public-key.ts';
import { type FlippableFile, readText } from './bit-flips.ts';
import {
  amdChain,
  amdChainFile,
  DSTACK_AT,
  DSTACK_FILE,
  EXPECTED,
  hasSharedEvidence,
  readCollateral,
  readDstack,
  recorded,
  recordedText,
  UNUSED_CHAIN_FILE,
} from './evidence-files.ts';

type Verifier<T> = (evidence: T, options: VerificationOptions) => Promise<unknown>;

/** Reports, leaf certificates, and the chain files they need. */
export function sevSnpFiles(verify: Verifier<SevSnpEvidence>): readonly FlippableFile[] {
  return EXPECTED.snp.flatMap((entry) => {
    const evidence = { report: recorded(entry.report), leaf: recorded(entry.leaf), ...amdChain(entry) };
    const options = { now: entry.at };
    const { report, leaf, ask, ark } = evidence;
    const chainFile = amdChainFile(entry);
    const files: FlippableFile[] = [
      { file: entry.report, bytes: report, verify: (bytes) => verify({ ...evidence, report: bytes }, options) },
      { file: entry.leaf, bytes: leaf, verify: (bytes) => verify({ ...evidence, leaf: bytes }, options) },
    ];
    if (EXPECTED.snp.find((other) => amdChainFile(other) === chainFile) !== entry) return files;
    return [
      ...files,
      { file: `${chainFile} (ASK)`, bytes: ask, verify: (bytes) => verify({ ...evidence, ask: bytes }, options) },
      { file: `${chainFile} (ARK)`, bytes: ark, verify: (bytes) => verify({ ...evidence, ark: bytes }, options) },
    ];
  });
}

/** Quotes and collateral. */
export function tdxFiles(verify: Verifier<TdxEvidence>): readonly FlippableFile[] {
  return EXPECTED.tdx.flatMap((entry) => {
    const [quote, json] = [recorded(entry.quote), recorded(entry.collateral)];
    const collateral = readCollateral(recordedText(entry.collateral));
    const options = { now: entry.at };
    return [
      { file: entry.quote, bytes: quote, verify: (bytes: Uint8Array) => verify({ quote: bytes, collateral }, options) },
      {
        file: entry.collateral,
        bytes: json,
        verify: async (bytes: Uint8Array) => verify({ quote, collateral: readText(bytes, readCollateral) }, options),
      },
    ];
  });
}

/** The report of dstack's guest agent. */
export function dstackFiles(verify: Verifier<DstackEvidence>): readonly FlippableFile[] {
  if (!hasSharedEvidence) return [];
  const bytes = recorded(DSTACK_FILE);
  return [{ file: DSTACK_FILE, bytes, verify: async (json) => verify(readText(json, readDstack), { now: DSTACK_AT }) }];
}

/** Attestation documents. */
export function nitroFiles(verify: Verifier<NitroEvidence>): readonly FlippableFile[] {
  return EXPECTED.nitro.map((entry) => ({
    file: entry.doc,
    bytes: recorded(entry.doc),
    verify: (document) => verify({ document }, { now: entry.at }),
  }));
}

/** An intermediate of AMD that signed no recorded leaf: its own signature is what covers it. */
export function unusedIntermediates(): readonly FlippableFile[] {
  if (!hasSharedEvidence) return [];
  const [asvk, ark] = decodeLenientPem(recordedText(UNUSED_CHAIN_FILE));
  if (asvk === undefined || ark === undefined) throw new RangeError('chain file is incomplete');
  const verify = async (bytes: Uint8Array) => {
    const [certificate, issuer] = parsing('test', 'evidence_malformed', 'the chain', () => [
      parseCertificate(bytes),
      parseCertificate(ark),
    ]);
    const { signatureAlgorithm, signature, signed } = certificate;
    if (await verifySignature(issuer.publicKey, signatureAlgorithm, signature, signed)) return 'verified';
    throw attestationError('test', 'signature_invalid', 'the signature of the intermediate does not verify');
  };
  return [{ file: `${UNUSED_CHAIN_FILE} (ASK)`, bytes: asvk, verify }];
}

/** Roots of Intel and AWS, which recorded evidence brings along: as files they are the last of a recorded chain. */
export function rootFiles(): readonly FlippableFile[] {
  const [tdx, nitro] = [EXPECTED.tdx[0], EXPECTED.nitro[0]];
  if (tdx === undefined || nitro === undefined) return [];
  const [intel, aws] = ['roots/intel-sgx-root.der', 'roots/aws-nitro-root-g1.pem'];
  const { intelSgx, awsNitro } = PINNED_ROOTS;
  const rules = { clockSkewMs: DEFAULT_CLOCK_SKEW_MS, step: 'test' } as const;
  const pck = { ...rules, now: tdx.at.getTime(), root: intelSgx, signatureAlgorithm: 'ecdsa-p256-sha256' } as const;
  const enclave = {
    ...rules,
    now: nitro.at.getTime(),
    root: awsNitro,
    signatureAlgorithm: 'ecdsa-p384-sha384',
  } as const;
  return [
    {
      file: intel,
      bytes: recorded(intel),
      verify: (der) => verifyWithRoot(parseTdxQuote(recorded(tdx.quote)).pckChain, der, pck),
    },
    {
      file: `${aws} (DER)`,
      bytes: pemRoot(recordedText(aws)),
      verify: (der) => verifyWithRoot(parseNitroDocument(recorded(nitro.doc)).chain, der, enclave),
    },
  ];
}

async function verifyWithRoot(chain: readonly Uint8Array[], root: Uint8Array, rules: ChainRules): Promise<string> {
  const certificates = parsing('test', 'evidence_malformed', 'the chain', () =>
    [...chain.slice(0, -1), root].map(parseCertificate),
  );
  await verifyChain(certificates, rules);
  return 'verified';
}

function pemRoot(text: string): Uint8Array {
  const [der, ...more] = decodeLenientPem(text);
  if (der === undefined || more.length > 0) throw attestationError('test', 'evidence_malformed', 'not one certificate');
  return der;
}
