import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';
import { describe, test } from 'vitest';

/** Nothing but what a test asks for: no first-run pages, no updates, no traffic of the browser's own. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Where Debian's package puts it. */
const EXECUTABLE = '/usr/bin/chromium';

/** A running browser, as new as on its first day. */
export interface RunningBrowser {
  readonly context: BrowserContext;
  close(): Promise<void>;
}

/** Starts Chromium, headless, with an empty profile. */
export async function startChromium(): Promise<RunningBrowser> {
  const profile = mkdtempSync(join(tmpdir(), 'sotto-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: EXECUTABLE,
    headless: true,
    args: FLAGS,
  });
  return {
    context,
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** Describes what holds in Chromium. Where there is none, a test that says so takes the place of the others. */
export function describeInChromium(name: string, tests: () => void): void {
  if (existsSync(EXECUTABLE)) {
    describe(name, tests);
    return;
  }
  test(`${name} (no Chromium: skipped)`, () => {
    process.stdout.write(`skipped: ${EXECUTABLE} is not there\n`);
  });
}
