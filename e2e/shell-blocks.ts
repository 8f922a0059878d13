/** Commands that a page tells its readers to type. */
export interface ShellBlock {
  /** The heading above. */
  readonly section: string;
  readonly commands: string;
  /** Why no test can run it; null where one does. */
  readonly notRun: string | null;
  /** A program that not every machine has. */
  readonly needs: string | null;
}

/** Reads the blocks marked `sh`, with `<!-- not run: why -->` or `<!-- needs: program -->` on the line before. */
export function shellBlocks(page: string): readonly ShellBlock[] {
  const blocks: ShellBlock[] = [];
  let section = '';
  let mark = '';
  let commands: string[] | null = null;
  for (const line of page.split('\n')) {
    if (commands !== null) {
      if (line !== '```') {
        commands.push(line);
        continue;
      }
      const told = (word: string): string | null => new RegExp(`^<!-- ${word}: (.+) -->$`).exec(mark)?.[1] ?? null;
      blocks.push({ section, commands: commands.join('\n'), notRun: told('not run'), needs: told('needs') });
      commands = null;
      mark = '';
    } else if (line === '```sh') commands = [];
    else {
      if (line.startsWith('#')) section = line.replace(/^#+ /, '');
      mark = line;
    }
  }
  return blocks;
}
