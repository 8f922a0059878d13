import { ConfigurationError, decodeUtf8, encodeHex } from '@sotto/protocol';
import * as z from 'zod/mini';
import type { Attester } from '../../attester.ts';
import { MAX_BUNDLE_BYTES } from '../../bundle.ts';
import { type EvidenceType, type UnendorsedEvidence, unendorsedEvidenceSchema } from '../../evidence-schema.ts';
import { parsing } from '../../verification-error.ts';
import { attesterError } from '../attester-error.ts';
import { checkCommitment, checkReportData } from '../check-report-data.ts';
import { withDeadline } from '../deadline.ts';
import { createTurns } from '../turns.ts';
import { EXEC_STEP, runCommand } from './run-command.ts';

const DEFAULT_TIMEOUT_MS = 30_000;
const REPORT_DATA_PLACE = '{reportDataHex}';
const NONCE_PLACE = '{nonceHex}';

/** Options of {@link execAttester}. */
export interface ExecOptions {
  /** The kind of evidence that the program makes; software evidence comes from the software attester alone. */
  readonly type: Exclude<EvidenceType, 'software'>;
  /** A path, or a name to be found in `PATH`. */
  readonly command: string;
  /**
   * `{reportDataHex}` in them is replaced by 128 hexadecimal digits and has to be there; `{nonceHex}` by the 64 of the
   * client's challenge, or by nothing.
   */
  readonly arguments: readonly string[];
  /** The program's environment beside `PATH`; it inherits nothing else. */
  readonly environment?: Readonly<Record<string, string>>;
  /** How long it may run; 30 seconds unless told. */
  readonly timeoutMs?: number;
}

/**
 * Attests by a program: for AWS Nitro, for kernels before 6.7, for whatever needs a system call that this runtime
 * lacks. It writes evidence to its standard output, as a bundle has it: JSON, at most 256 KiB, binary members in
 * base64url. Certificates and collateral may be missing.
 * @throws ConfigurationError `invalid_config` where no argument has room for the report data
 */
export function execAttester(options: ExecOptions): Attester {
  const { type, command, environment = {}, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  if (!options.arguments.some((argument) => argument.includes(REPORT_DATA_PLACE))) {
    throw new ConfigurationError(`the arguments of the attestation program lack ${REPORT_DATA_PLACE}`, {
      code: 'invalid_config',
    });
  }
  const path = process.env['PATH'];
  const inTurn = createTurns();
  return {
    type,
    async attest(reportData, signal, nonce) {
      checkReportData(reportData);
      const [reportDataHex, nonceHex] = [encodeHex(reportData), nonce === undefined ? '' : encodeHex(nonce)];
      const program = {
        command,
        arguments: options.arguments.map((argument) =>
          argument.replaceAll(REPORT_DATA_PLACE, reportDataHex).replaceAll(NONCE_PLACE, nonceHex),
        ),
        environment: { ...(path === undefined ? {} : { PATH: path }), ...environment },
      };
      const deadline = { signal, timeoutMs, onTimeout: () => timedOut(timeoutMs) };
      const output = await withDeadline(deadline, (waiting) =>
        inTurn(() => {
          waiting.throwIfAborted();
          return runCommand(program, MAX_BUNDLE_BYTES, waiting);
        }),
      );
      const evidence = readEvidence(output, type);
      checkCommitment(evidence, reportData, EXEC_STEP);
      return evidence;
    },
  };
}

function readEvidence(output: Uint8Array, type: EvidenceType): UnendorsedEvidence {
  return parsing(EXEC_STEP, 'evidence_malformed', 'the output of the attestation program', () => {
    const parsed = z.safeParse(unendorsedEvidenceSchema, JSON.parse(decodeUtf8(output) ?? ''));
    if (!parsed.success) throw new RangeError('evidence has another form', { cause: parsed.error });
    if (parsed.data.type === 'software') throw new RangeError('a program cannot stand in for the software attester');
    if (parsed.data.type !== type) throw new RangeError('evidence is of another kind than configured');
    return parsed.data;
  });
}

function timedOut(timeoutMs: number): Error {
  return attesterError({
    step: EXEC_STEP,
    message: `the attestation program did not end within ${timeoutMs} ms, and was stopped`,
    retryable: true,
  });
}
