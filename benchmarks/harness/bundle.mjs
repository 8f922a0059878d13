// What code weighs in a browser: bundled and minified as a page would have it.
import { createRequire } from 'node:module';
import { brotliCompressSync, gzipSync } from 'node:zlib';

// The bundler that tsup brings.
const { build } = createRequire(createRequire(import.meta.url).resolve('tsup'))('esbuild');

/**
 * @param {string} contents a module, such as `export { a } from '@sotto/b';`
 * @returns {Promise<{ bytes: number, gzip: number, brotli: number }>}
 */
export async function bundleSize(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    conditions: ['browser', 'import'],
    target: 'es2022',
    logLevel: 'error',
  });
  const [{ contents: code }] = outputFiles;
  return {
    bytes: code.length,
    gzip: gzipSync(code, { level: 9 }).length,
    brotli: brotliCompressSync(code).length,
  };
}
