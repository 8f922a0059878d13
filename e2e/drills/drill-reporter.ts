import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** One row of the closing table. */
interface Row {
  readonly drill: string;
  readonly held: boolean;
  readonly mustHold: string;
  readonly figures: Readonly<Record<string, string>>;
}

/** Ends a run with what each drill must show, whether it did, and what was measured; as JSON where SOTTO_DRILLS_JSON is set. */
export default class DrillReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const rows = modules.flatMap((module) => [...module.children.allTests()]).flatMap(rowOf);
    const failed = rows.filter(({ held }) => !held).length;
    if (process.env['SOTTO_DRILLS_JSON'] !== undefined) process.stdout.write(`${JSON.stringify(rows)}\n`);
    else process.stdout.write(`\n${rows.map(words).join('\n')}\n\n${rows.length - failed} held, ${failed} broken\n`);
  }
}

function rowOf(test: TestCase): Row[] {
  const report = test.meta().drill;
  const { state } = test.result();
  if (report === undefined || state === 'skipped') return [];
  return [{ drill: test.fullName, held: state === 'passed', ...report }];
}

function words({ drill, held, mustHold, figures }: Row): string {
  const measured = Object.entries(figures).map(([name, figure]) => `      ${name}: ${figure}`);
  return [`${held ? 'held  ' : 'BROKEN'} ${drill}`, `      must hold: ${mustHold}`, ...measured].join('\n');
}
