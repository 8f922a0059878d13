// Bundles the page into dist/, as any web project would: no plugin, no polyfill, no setting for this package.
import { cp, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const folder = fileURLToPath(new URL('.', import.meta.url));

// A module of Node in the bundle would be an error: the platform is the browser.
await build({
  absWorkingDir: folder,
  entryPoints: ['chat.js'],
  outdir: 'dist',
  bundle: true,
  // What verifies evidence is loaded by the pages that ask for it, and by no other.
  splitting: true,
  chunkNames: 'chunk-[hash]',
  minify: true,
  platform: 'browser',
  format: 'esm',
  target: 'es2022',
  logLevel: 'error',
});
for (const file of ['index.html', 'style.css']) await cp(`${folder}${file}`, `${folder}dist/${file}`);

const bundle = await readFile(`${folder}dist/chat.js`);
console.log(`dist/chat.js: ${kilobytes(bundle)}, ${kilobytes(gzipSync(bundle, { level: 9 }))} compressed`);

function kilobytes({ length }) {
  return `${(length / 1000).toFixed(1)} kB`;
}
