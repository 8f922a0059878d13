// Folders that are gone when this process is, however it ends.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders = [];

/** @returns {string} the path of a new, empty folder that only this user may read */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-benchmark-'));
  folders.push(folder);
  return folder;
}

process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
