import { defineConfig } from 'vitest/config';

/** Failure drills: one after the other, since each measures. */
export default defineConfig({
  test: {
    include: ['e2e/drills/**/*.drill.ts'],
    globalSetup: ['e2e/test-keys.ts'],
    reporters: ['default', './e2e/drills/drill-reporter.ts'],
    fileParallelism: false,
    testTimeout: 1_200_000,
    hookTimeout: 90_000,
  },
});
