import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    'attest/index': 'src/attest/index.ts',
    'testing/index': 'src/testing/index.ts',
    'testing/node/index': 'src/testing/node/index.ts',
  },
  format: ['esm', 'cjs'],
  target: 'es2022',
  platform: 'neutral',
  // One copy of every class in each format: error brands and `instanceof` depend on it.
  splitting: true,
  external: [/^node:/],
  clean: true,
  tsconfig: 'tsconfig.node.json',
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
});
