import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    'ai-sdk/index': 'src/ai-sdk/index.ts',
    'attestation/index': 'src/attestation/index.ts',
    'classical/index': 'src/classical/index.ts',
    'langchain/index': 'src/langchain/index.ts',
    'openai/index': 'src/openai/index.ts',
    'node/index': 'src/node/index.ts',
    'node/ai-sdk': 'src/node/ai-sdk.ts',
    'node/langchain': 'src/node/langchain.ts',
    'node/openai': 'src/node/openai.ts',
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
