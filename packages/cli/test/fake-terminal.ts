import type { CommandContext } from '../src/command.ts';

/** A command's surroundings, and what it told them. */
export interface Surroundings {
  readonly context: CommandContext;
  readonly printed: readonly string[];
  readonly said: readonly string[];
  /** Lines of its log. */
  readonly logged: readonly string[];
  /** Does what Ctrl-C does. */
  interrupt(): void;
  /** Does what SIGHUP does. */
  hangUp(): void;
}

/** Makes surroundings in which nobody looks on. */
export function surroundings(environment: CommandContext['environment'] = {}): Surroundings {
  const printed: string[] = [];
  const said: string[] = [];
  const logged: string[] = [];
  const log = { write: (line: string) => void logged.push(line), dropped: 0, close: () => Promise.resolve() };
  let interrupt = (): void => {};
  const interrupted = new Promise<void>((resolve) => {
    interrupt = resolve;
  });
  const terminal: CommandContext['terminal'] = {
    interactive: false,
    print: (text) => void printed.push(text),
    printPart: (text) => void printed.push(text),
    say: (text) => void said.push(text),
  };
  let hangUp = (): void => {};
  const context: CommandContext = {
    terminal,
    openLog: () => log,
    environment,
    interrupted,
    insisted: new Promise(() => {}),
    onHangup: (listener) => {
      hangUp = listener;
    },
  };
  return { context, printed, said, logged, interrupt: () => interrupt(), hangUp: () => hangUp() };
}
