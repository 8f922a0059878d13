import { ConfigurationError, encodeHex } from '@sotto/protocol';
import * as z from 'zod/mini';
import type { Attester } from '../../attester.ts';
import { MAX_EVENT_LOG_CHARACTERS } from '../../dstack/event-log.ts';
import type { UnendorsedEvidence } from '../../evidence-schema.ts';
import { decodeHex } from '../../hex.ts';
import { MAX_QUOTE_BYTES } from '../../tdx/quote.ts';
import { parsing } from '../../verification-error.ts';
import { attesterError } from '../attester-error.ts';
import { checkCommitment, checkReportData } from '../check-report-data.ts';
import { withDeadline } from '../deadline.ts';
import { trimTdxQuote } from '../trim-tdx-quote.ts';
import { askGuestAgent, DSTACK_SOCKET_PATHS, DSTACK_STEP, findSocket } from './guest-agent.ts';

/** A quote takes seconds: the guest asks the host, and the host its quoting enclave. */
const DEFAULT_TIMEOUT_MS = 30_000;
const MAX_VM_CONFIG_CHARACTERS = 16_384;

// Later versions of the agent add members.
const answerSchema = z.looseObject({
  quote: z.string().check(z.maxLength(2 * 2 * MAX_QUOTE_BYTES)),
  event_log: z.string().check(z.maxLength(MAX_EVENT_LOG_CHARACTERS)),
  vm_config: z.optional(z.string().check(z.maxLength(MAX_VM_CONFIG_CHARACTERS))),
});

/** Options of {@link dstackAttester}. */
export interface DstackOptions {
  /** Where the guest agent listens; looked for unless told. */
  readonly socketPath?: string;
  /** Environment in which a simulator is named; the process's own unless told. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Takes quotes of dstack's simulator, which prove nothing. */
  readonly allowSimulator?: boolean;
  /** How long one quote may take; 30 seconds unless told. */
  readonly timeoutMs?: number;
}

/**
 * Attests by dstack's guest agent, over its unix socket.
 * @throws AttestationError `evidence_missing` where there is no socket
 * @throws ConfigurationError `invalid_config` where the environment names a simulator and `allowSimulator` is not set
 */
export async function dstackAttester(options: DstackOptions = {}): Promise<Attester> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const simulator = simulatorSocket(options);
  const paths = simulator ?? options.socketPath;
  const socketPath = await findSocket(paths === undefined ? DSTACK_SOCKET_PATHS : [paths]);
  if (socketPath === null) {
    throw attesterError({
      step: DSTACK_STEP,
      message:
        'dstack has no socket here: pass it into the container, as in -v /var/run/dstack.sock:/var/run/dstack.sock',
    });
  }
  return {
    type: 'dstack-tdx',
    async attest(reportData, signal) {
      checkReportData(reportData);
      const question = { report_data: encodeHex(reportData) };
      const deadline = { signal, timeoutMs, onTimeout: () => timedOut(timeoutMs) };
      const answer = await withDeadline(deadline, (waiting) =>
        askGuestAgent(socketPath, '/GetQuote', question, waiting),
      );
      const evidence = readAnswer(answer);
      // The answer repeats the report data beside the quote; only what is inside of it counts.
      checkCommitment(evidence, reportData, DSTACK_STEP);
      return evidence;
    },
  };
}

function simulatorSocket({ environment = process.env, allowSimulator = false }: DstackOptions): string | undefined {
  const simulator = environment['DSTACK_SIMULATOR_ENDPOINT'];
  if (simulator === undefined || simulator === '') return undefined;
  if (!allowSimulator) {
    throw new ConfigurationError(
      'DSTACK_SIMULATOR_ENDPOINT is set: a simulator proves nothing. Unset it, or allow the simulator',
      { code: 'invalid_config' },
    );
  }
  if (simulator.startsWith('/')) return simulator;
  throw new ConfigurationError('DSTACK_SIMULATOR_ENDPOINT is not the path of a socket', { code: 'invalid_config' });
}

function readAnswer(answer: unknown): UnendorsedEvidence {
  return parsing(DSTACK_STEP, 'evidence_malformed', 'the answer of the guest agent', () => {
    const parsed = z.safeParse(answerSchema, answer);
    if (!parsed.success) throw new RangeError('answer has another form', { cause: parsed.error });
    const { quote: hex, event_log: eventLog, vm_config: vmConfig } = parsed.data;
    const quote = decodeHex(hex.toLowerCase());
    if (quote === null) throw new RangeError('quote is not hexadecimal');
    return {
      type: 'dstack-tdx',
      quote: trimTdxQuote(quote, DSTACK_STEP),
      eventLog,
      ...(vmConfig === undefined || vmConfig === '' ? {} : { vmConfig }),
    };
  });
}

function timedOut(timeoutMs: number): Error {
  return attesterError({
    step: DSTACK_STEP,
    message: `the guest agent of dstack made no quote within ${timeoutMs} ms: look at its log`,
    retryable: true,
  });
}
