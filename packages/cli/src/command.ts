import type { LogDestination } from '@sotto/router';
import type { Terminal } from './terminal.ts';

/** What a command works with. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** Opens the log: lines for machines, on standard output. */
  openLog(): LogDestination;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Settles when the person or the system asks the command to end. */
  readonly interrupted: Promise<void>;
  /** Settles when it is asked a second time: it ends at once, whatever is under way. */
  readonly insisted: Promise<void>;
  /** Has the command told of every SIGHUP from now on, which would otherwise end it. */
  onHangup(listener: () => void): void;
}

/** One of `sotto`'s commands. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The whole page that `sotto help NAME` shows. */
  readonly usage: string;
  /** @returns the exit code: 0 done, 1 failed, 2 called wrongly */
  run(args: readonly string[], context: CommandContext): Promise<number>;
}
