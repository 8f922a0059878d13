import type { Attester } from '../../attester.ts';
import type { UnendorsedEvidence } from '../../evidence-schema.ts';
import { parseSnpReport } from '../../sev-snp/report.ts';
import { parsing } from '../../verification-error.ts';
import { attesterError } from '../attester-error.ts';
import { checkCommitment, checkReportData } from '../check-report-data.ts';
import { type Deadline, withDeadline } from '../deadline.ts';
import { trimTdxQuote } from '../trim-tdx-quote.ts';
import { createTurns } from '../turns.ts';
import { parseCertificateTable } from './certificate-table.ts';
import { TSM_STEP } from './tsm-failure.ts';
import { nodeTsmFiles, type TsmFiles } from './tsm-files.ts';
import { readTsmProvider, readTsmReport, type TsmReport } from './tsm-report.ts';

/** The kernel itself retries a throttled SEV-SNP request for up to 60 s. */
const DEFAULT_TIMEOUT_MS = 70_000;

/** Options of {@link configfsTsmAttester}. */
export interface ConfigfsTsmOptions {
  /** Other files than the running kernel's. */
  readonly files?: TsmFiles;
  /** How long one report may take, waiting for others included; 70 seconds unless told. */
  readonly timeoutMs?: number;
}

/**
 * Attests by the kernel's TSM report interface, for SEV-SNP and TDX; Linux 6.7 and later, as root. Requests go to the
 * firmware one at a time.
 * @throws AttestationError `evidence_missing`, with what the operator has to mend; `type_unsupported`
 */
export async function configfsTsmAttester(options: ConfigfsTsmOptions = {}): Promise<Attester> {
  const { files = nodeTsmFiles(), timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const deadline = (signal: AbortSignal): Deadline => ({ signal, timeoutMs, onTimeout: () => timedOut(timeoutMs) });
  const inTurn = createTurns();
  const never = new AbortController().signal;
  const type = typeOf(await withDeadline(deadline(never), () => readTsmProvider(files)));
  return {
    type,
    async attest(reportData, signal) {
      checkReportData(reportData);
      const report = await withDeadline(deadline(signal), (waiting) =>
        inTurn(() => {
          // Whoever gave up while others had their turn asks nothing of the firmware any more.
          waiting.throwIfAborted();
          return readTsmReport(files, reportData);
        }),
      );
      const evidence = readEvidence(report);
      checkCommitment(evidence, reportData, TSM_STEP);
      return evidence;
    },
  };
}

function typeOf(provider: string): 'sev-snp' | 'tdx' {
  if (provider === 'sev_guest') return 'sev-snp';
  if (provider === 'tdx_guest') return 'tdx';
  throw attesterError({
    step: `${TSM_STEP}.provider`,
    code: 'type_unsupported',
    message: 'the kernel offers reports of a TEE that is not supported: SEV-SNP and TDX are',
  });
}

function readEvidence({ provider, outblob, auxblob }: TsmReport): UnendorsedEvidence {
  const type = typeOf(provider);
  if (type === 'tdx') return { type, quote: trimTdxQuote(outblob, TSM_STEP) };
  const { signer } = parsing('parse.report', 'evidence_malformed', 'the SNP report', () => parseSnpReport(outblob));
  const table = parsing(`${TSM_STEP}.auxblob`, 'evidence_malformed', 'the certificate table of the host', () =>
    auxblob === null ? {} : parseCertificateTable(auxblob),
  );
  const { [signer]: leaf, ask, ark } = table;
  return {
    type,
    report: outblob,
    ...(leaf === undefined ? {} : { leaf }),
    ...(ask === undefined ? {} : { ask }),
    ...(ark === undefined ? {} : { ark }),
  };
}

function timedOut(timeoutMs: number): Error {
  return attesterError({
    step: TSM_STEP,
    message: `the firmware made no report within ${timeoutMs} ms: the host may throttle it, or be down`,
    retryable: true,
  });
}
