import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { SOTTO } from './dist.ts';

/** One line of what `sotto proxy --json` tells. */
export interface ProxyEvent {
  readonly event: 'listening' | 'request';
  readonly [member: string]: unknown;
}

/** A running `sotto proxy`. */
export interface RunningProxy {
  readonly url: string;
  readonly events: readonly ProxyEvent[];
  /** All that it has written, to both of its outputs. */
  written(): string;
  /** Asks it to end, and waits. @returns the exit code, null where a signal ended it */
  stop(): Promise<number | null>;
}

/** Starts `sotto proxy --json`, or another program's `proxy`, on a free port of loopback. @throws Error with what it said, where it does not listen */
export async function startSottoProxy(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  program = SOTTO,
): Promise<RunningProxy> {
  const child = spawn(process.execPath, [program, 'proxy', '--json', '--listen', '127.0.0.1:0', ...args], {
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve));
  const events: ProxyEvent[] = [];
  let written = '';
  const keep = (text: Buffer): void => {
    written += text.toString('utf8');
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const first = new Promise<ProxyEvent>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = JSON.parse(line) as ProxyEvent;
      events.push(event);
      if (event.event === 'listening') resolve(event);
    });
  });
  const ended = exit.then((code) => {
    throw new Error(`sotto proxy ended with code ${code}: ${written}`);
  });
  const listening = await Promise.race([first, ended]);
  return {
    url: String(listening['url']),
    events,
    written: () => written,
    stop: () => {
      child.kill('SIGTERM');
      return exit;
    },
  };
}
