import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder for the length of a test. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A storage key that is the same in every test. */
export const STORAGE_KEY = new Uint8Array(32).fill(7);
