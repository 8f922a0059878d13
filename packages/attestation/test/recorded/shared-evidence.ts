import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = new URL('../../../../../shared/evidence/', import.meta.url);

/** Whether recordings of real hardware lie beside the checkout; they are not part of the project. */
export const hasSharedEvidence = existsSync(new URL('EXPECTED.json', FOLDER));

if (!hasSharedEvidence) {
  process.stderr.write(`skipped: recorded evidence is not at ${fileURLToPath(FOLDER)}\n`);
}

/** A recorded file. */
export function recorded(path: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(path, FOLDER)));
}

/** A recorded file's text. */
export function recordedText(path: string): string {
  return readFileSync(new URL(path, FOLDER), 'utf8');
}
