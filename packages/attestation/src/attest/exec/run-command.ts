import { spawn } from 'node:child_process';
import { attesterError } from '../attester-error.ts';
import { readBounded } from '../read-bounded.ts';

export const EXEC_STEP = 'attest.exec';

/** A program to run. */
export interface Command {
  /** A path, or a name to be found in `PATH`. */
  readonly command: string;
  readonly arguments: readonly string[];
  /** Its whole environment: it does not inherit ours, where secrets may lie. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Runs a program, without a shell, and gives what it wrote to its standard output. What it writes to its standard
 * error is thrown away: it may hold anything.
 * @throws AttestationError `evidence_missing`, `evidence_malformed` for output longer than `maxBytes`
 */
export async function runCommand(command: Command, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  const child = spawn(command.command, command.arguments, {
    shell: false,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...command.environment },
    windowsHide: true,
  });
  const stop = () => {
    child.kill('SIGKILL');
    // A grandchild may hold the pipe open for ever.
    child.stdout.destroy();
  };
  signal.addEventListener('abort', stop, { once: true });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  // Awaited below; until then a program that cannot be started must not count as unhandled.
  ended.catch(() => undefined);
  try {
    if (signal.aborted) stop();
    const output = await readBounded(child.stdout, maxBytes);
    const status = await ended;
    if (status !== 0) throw failed(status === null ? 'it was killed' : `it ended with status ${status}`);
    return output;
  } catch (cause) {
    stop();
    throw cause instanceof RangeError ? tooLong(maxBytes, cause) : await startFailure(ended, cause);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** A program that cannot be started closes its output first: why it did not start says more. */
async function startFailure(ended: Promise<number | null>, cause: unknown): Promise<unknown> {
  try {
    await ended;
    return cause;
  } catch (error) {
    return failed('it cannot be started', error);
  }
}

function failed(how: string, cause?: unknown): Error {
  const message = `the attestation program made no evidence: ${how}; run it by hand to see what it says`;
  return attesterError({ step: EXEC_STEP, message, retryable: true, cause });
}

function tooLong(maxBytes: number, cause: unknown): Error {
  return attesterError({
    step: EXEC_STEP,
    code: 'evidence_malformed',
    message: `the attestation program wrote more than ${maxBytes} bytes`,
    cause,
  });
}
