import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { SOTTO } from './dist.ts';

/** What a command left behind. */
export interface Outcome {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a command is run. */
export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly directory?: string;
}

/** Only what a command needs: nothing of this shell's own configuration may help or disturb. */
function environmentWith(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...extra };
}

/** Runs a Node program to its end. */
export function runNode(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = spawn(process.execPath, args, {
    cwd: options.directory,
    env: environmentWith(options.environment),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text: Buffer) => {
    stdout += text.toString('utf8');
  });
  child.stderr.on('data', (text: Buffer) => {
    stderr += text.toString('utf8');
  });
  child.stdin.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Runs `sotto` with these arguments. */
export function runSotto(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return runNode([SOTTO, ...args], options);
}

/** One line of what `sotto serve --json` tells. */
interface ServeEvent {
  readonly event: string;
  readonly url?: string;
  readonly rsa_fingerprint?: string | null;
  readonly pid?: number;
  readonly [member: string]: unknown;
}

/** A running `sotto serve`. */
export interface RunningRouter {
  readonly url: string;
  readonly fingerprint: string | null;
  readonly pid: number;
  /** What it has told so far. */
  readonly events: readonly ServeEvent[];
  /** Everything it has written so far, to either of its outputs. */
  written(): string;
  /** Settles with the first event of this name, past or to come. */
  event(name: string): Promise<ServeEvent>;
  /** Asks it to end, and waits. @returns the exit code, null where a signal ended it */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts `sotto serve --json` with these arguments. @throws Error with what it said, where it does not listen */
export async function startSotto(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<RunningRouter> {
  const child = spawn(process.execPath, [SOTTO, 'serve', '--json', ...args], {
    env: environmentWith(environment),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve));
  // A router that a failed test forgot must not outlive the tests.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('close', () => process.off('exit', kill));
  const log = new EventLog(child);
  const ended = exit.then((code) => {
    throw new Error(`sotto serve ended with code ${code}: ${log.complaints}`);
  });
  const listening = await Promise.race([log.event('listening'), ended]);
  return {
    url: listening.url ?? '',
    fingerprint: listening.rsa_fingerprint ?? null,
    pid: child.pid ?? 0,
    events: log.events,
    written: () => `${log.lines.join('\n')}\n${log.complaints}`,
    event: (name) => log.event(name),
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return exit;
    },
  };
}

/** Starts a router with a configuration, written to `path` first. JSON is YAML too. */
export function startConfigured(
  path: string,
  config: Readonly<Record<string, unknown>>,
  options: { readonly args?: readonly string[]; readonly environment?: Readonly<Record<string, string>> } = {},
): Promise<RunningRouter> {
  // It may hold keys: a file that others can read is warned of.
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
  return startSotto(['--config', path, ...(options.args ?? [])], options.environment);
}

class EventLog {
  readonly events: ServeEvent[] = [];
  readonly lines: string[] = [];
  complaints = '';
  readonly #waiting: { readonly name: string; readonly resolve: (event: ServeEvent) => void }[] = [];

  constructor(child: ChildProcess) {
    if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (line) => this.#take(line));
    child.stderr?.on('data', (text: Buffer) => {
      this.complaints += text.toString('utf8');
    });
  }

  event(name: string): Promise<ServeEvent> {
    const past = this.events.find(({ event }) => event === name);
    return past === undefined ? new Promise((resolve) => this.#waiting.push({ name, resolve })) : Promise.resolve(past);
  }

  #take(line: string): void {
    this.lines.push(line);
    const event = JSON.parse(line) as ServeEvent;
    this.events.push(event);
    for (const { name, resolve } of this.#waiting) if (name === event.event) resolve(event);
  }
}
