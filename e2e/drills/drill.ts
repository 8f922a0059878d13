import { test } from 'vitest';

declare module 'vitest' {
  export interface TaskMeta {
    /** What a drill says of itself. */
    drill?: DrillReport;
  }
}

/** What a drill must show, and what it measured. */
export interface DrillReport {
  readonly mustHold: string;
  /** By name, with the unit in the text. */
  readonly figures: Record<string, string>;
}

/** Notes a figure of a drill. */
export type Note = (name: string, figure: string | number) => void;

/**
 * A failure drill: a test that says what must hold, and measures it. Its report stands in the table that the run ends
 * with, held or not.
 */
export function drill(title: string, mustHold: string, run: (note: Note) => Promise<void>): void {
  test(title, async ({ task }) => {
    const figures: Record<string, string> = {};
    task.meta.drill = { mustHold, figures };
    await run((name, figure) => {
      figures[name] = String(figure);
    });
  });
}
