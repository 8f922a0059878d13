import type { DstackEvidence } from '../../src/dstack/verify.ts';
import type { NitroEvidence } from '../../src/nitro/verify.ts';
import type { SevSnpEvidence } from '../../src/sev-snp/verify.ts';
import type { TdxEvidence } from '../../src/tdx/verify.ts';
import type { VerificationOptions } from '../../src/verification-context.ts';
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
