import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openLog } from '../../src/logs/log-destination.ts';

const folder = mkdtempSync(join(tmpdir(), 'sotto-log-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a log', () => {
  test('has written every line, in order, once it is closed', async () => {
    const path = join(folder, 'log');
    const fd = openSync(path, 'a');
    const log = openLog(fd);
    const lines = Array.from({ length: 500 }, (_, index) => `{"line":${index}}\n`);
    for (const line of lines) log.write(line);
    await log.close();
    expect(readFileSync(path, 'utf8')).toBe(lines.join(''));
    expect(log.dropped).toBe(0);
  });

  test('throws lines away, and counts them, where more wait than a megabyte', async () => {
    const path = join(folder, 'much');
    const fd = openSync(path, 'a');
    const log = openLog(fd);
    const line = `${'x'.repeat(2_047)}\n`;
    // All in one turn of the loop: nothing can be written in between.
    for (let written = 0; written < 1_000; written++) log.write(line);
    expect(log.dropped).toBeGreaterThan(400);
    await log.close();
    expect(readFileSync(path).length).toBe((1_000 - log.dropped) * line.length);
  });
});
