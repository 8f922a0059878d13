// Measures what `createSecureFetch` adds to a web page, out of the sources, and fails where its brotli form is over budget.
import { createRequire } from 'node:module';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const require = createRequire(import.meta.url);
// The bundler that tsup brings.
const { build } = createRequire(require.resolve('tsup'))('esbuild');

const BUDGETS = [
  { name: 'createSecureFetch', from: '../src/index.ts', maxBytes: 30_000 },
  { name: 'createSecureFetch without post-quantum', from: '../src/classical/index.ts', maxBytes: 20_000 },
];

/** The code that a page loads at once: what is imported only when needed is a chunk of its own. */
async function initialCode(from) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: `export { createSecureFetch } from '${from}';`, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    splitting: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['@sotto/source', 'browser', 'import'],
    target: 'es2022',
    outdir: 'out',
  });
  const byPath = new Map(outputFiles.map((file) => [file.path.slice(file.path.lastIndexOf('out')), file.contents]));
  const entry = Object.keys(metafile.outputs).find((path) => metafile.outputs[path].entryPoint !== undefined);
  const loaded = new Set([entry]);
  for (const path of loaded) {
    for (const { path: next, kind } of metafile.outputs[path].imports)
      if (kind === 'import-statement') loaded.add(next);
  }
  return Buffer.concat([...loaded].map((path) => byPath.get(path)));
}

let overBudget = false;
for (const { name, from, maxBytes } of BUDGETS) {
  const code = await initialCode(from);
  const gzip = gzipSync(code, { level: 9 }).length;
  const brotli = brotliCompressSync(code).length;
  const verdict = brotli <= maxBytes ? 'within' : 'OVER';
  overBudget ||= brotli > maxBytes;
  process.stdout.write(`${name}: ${code.length} bytes, gzip ${gzip}, brotli ${brotli}: ${verdict} ${maxBytes}\n`);
}
process.exitCode = overBudget ? 1 : 0;
