import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

/** A program of this machine that listens for a test. */
export interface RunningProgram {
  /** What it has written so far. */
  output(): string;
  stop(): Promise<void>;
}

/**
 * Reads an example and changes what only this machine has: addresses and paths.
 * @param changes each text must be there, and is replaced wherever it stands
 */
export function changedExample(path: string, changes: readonly (readonly [example: string, here: string])[]): string {
  let text = readFileSync(path, 'utf8');
  for (const [example, here] of changes) {
    if (!text.includes(example)) throw new Error(`${path} does not say ${example}`);
    text = text.replaceAll(example, here);
  }
  return text;
}

/** Starts a program and waits until it listens. @throws Error with what it said, where it ends before */
export async function startListening(program: string, args: readonly string[], port: number): Promise<RunningProgram> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = new Promise<void>((resolve) => child.once('close', () => resolve()));
  // One that a failed test forgot must not outlive the tests.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('close', () => process.off('exit', kill));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text: Buffer) => {
      output += text.toString('utf8');
    });
  }
  let ended = false;
  void exit.then(() => {
    ended = true;
  });
  // It tells nobody when it listens: knock until somebody opens.
  while (!(await canConnect(port))) if (ended) throw new Error(`${program} ended: ${output}`);
  return {
    output: () => output,
    stop: () => {
      child.kill('SIGTERM');
      return exit;
    },
  };
}

const KNOCK_MS = 20;

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => setTimeout(() => resolve(false), KNOCK_MS));
  });
}
