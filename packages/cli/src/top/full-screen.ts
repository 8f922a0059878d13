/** A screen that is drawn over and over, and left as it was found. */
export interface FullScreen {
  draw(lines: readonly string[]): void;
  /** Settles when somebody presses q or Ctrl-C. */
  readonly quit: Promise<void>;
  close(): void;
}

/** xterm: the alternate screen, and DECTCEM, the cursor. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
/** ECMA-48 §8.3: cursor home; erase to the end of the line; erase to the end of the screen. */
const HOME = '\u001b[H';
const ERASE_LINE = '\u001b[K';
const ERASE_BELOW = '\u001b[J';
/** The last is Ctrl-C, which a terminal in raw mode hands over like any other key. */
const QUIT = ['q', 'Q', '\u0003'];
/** What SGR writes takes no room on the screen. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const COLOUR = /\u001b\[\d+m/g;

/** Takes the terminal's screen until it is closed. */
export function openFullScreen(input: NodeJS.ReadStream, output: NodeJS.WriteStream): FullScreen {
  let shown: readonly string[] = [];
  const draw = (lines: readonly string[]): void => {
    shown = lines;
    const fitting = lines.slice(0, output.rows).map((line) => cut(line, output.columns) + ERASE_LINE);
    output.write(`${HOME}${fitting.join('\r\n')}${ERASE_BELOW}`);
  };
  const redraw = (): void => draw(shown);
  let press = (_key: Buffer): void => {};
  const quit = new Promise<void>((resolve) => {
    press = (key) => {
      if (QUIT.some((each) => key.includes(each))) resolve();
    };
  });
  output.write(ENTER);
  output.on('resize', redraw);
  if (input.isTTY) input.setRawMode(true);
  input.on('data', press);
  input.resume();
  return {
    draw,
    quit,
    close: () => {
      output.off('resize', redraw);
      input.off('data', press);
      if (input.isTTY) input.setRawMode(false);
      input.pause();
      output.write(LEAVE);
    },
  };
}

/** A line that is too long would wrap, and push the others down. */
function cut(line: string, columns: number): string {
  if (line.replaceAll(COLOUR, '').length <= columns) return line;
  return line.replaceAll(COLOUR, '').slice(0, columns);
}
