import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** Makes a directory for one test file, and takes it away when the file is over. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-e2e-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
