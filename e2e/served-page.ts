import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../examples/browser/', import.meta.url));

/** The example's page, as its README has it built and served. */
export interface ServedPage {
  /** With a slash at its end. */
  readonly url: string;
  /** What the build said. */
  readonly report: string;
  stop(): void;
}

/** Builds the example and serves it on a free port. @throws Error with what was said, where either fails */
export async function servePage(): Promise<ServedPage> {
  const built = spawnSync(process.execPath, ['build.mjs'], { cwd: FOLDER, encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`build.mjs failed: ${built.stderr}`);
  const server = spawn(process.execPath, ['serve.mjs'], {
    cwd: FOLDER,
    env: { PATH: process.env['PATH'] ?? '', PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: server.stdout })) {
    const url = /http:\S+/.exec(line)?.[0];
    if (url !== undefined) return { url, report: built.stdout, stop: () => void server.kill() };
  }
  throw new Error('serve.mjs ended without a word of where it serves');
}
