/** Where a command's words go: answers to standard output, everything else to standard error. */
export interface Terminal {
  /** Whether a person reads the output. */
  readonly interactive: boolean;
  /** An answer: text that a pipe may take on. */
  print(text: string): void;
  /** The same without a newline. */
  printPart(text: string): void;
  /** A word to the person at the shell. */
  say(text: string): void;
}

/** The terminal of this process. */
export const processTerminal: Terminal = {
  interactive: process.stdout.isTTY === true,
  print: (text) => void process.stdout.write(`${text}\n`),
  printPart: (text) => void process.stdout.write(text),
  say: (text) => void process.stderr.write(`${text}\n`),
};
