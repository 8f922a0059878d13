import { defineConfig } from 'vitest/config';

const source = { resolve: { conditions: ['@sotto/source'] }, ssr: { resolve: { conditions: ['@sotto/source'] } } };

function project(name: string, include: string) {
  // Files share a worker's modules: nothing here changes a module's state, and loading them anew costs more than the tests.
  return { ...source, test: { name, include: [include], isolate: false, testTimeout: 30_000, hookTimeout: 60_000 } };
}

export default defineConfig({
  test: {
    projects: [
      project('protocol', 'packages/protocol/test/**/*.test.ts'),
      project('attestation', 'packages/attestation/test/**/*.test.ts'),
      project('client', 'packages/client/test/**/*.test.ts'),
      project('router', 'packages/router/test/**/*.test.ts'),
      project('cli', 'packages/cli/test/**/*.test.ts'),
      // Against what the build made, as a consumer gets it: no condition that leads to the sources.
      {
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          globalSetup: ['e2e/test-keys.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
    coverage: { provider: 'v8', include: ['packages/*/src/**'] },
  },
});
