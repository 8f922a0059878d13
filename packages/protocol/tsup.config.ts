import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    'der/index': 'src/der/index.ts',
    'nomyo-v1/index': 'src/nomyo-v1/index.ts',
    'hpke/index': 'src/hpke/index.ts',
    'bhttp/index': 'src/bhttp/index.ts',
    'ohttp/index': 'src/ohttp/index.ts',
    'ehbp/index': 'src/ehbp/index.ts',
    'key-statement/index': 'src/key-statement/index.ts',
    'receipt/index': 'src/receipt/index.ts',
    'node/index': 'src/node/index.ts',
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
