import { defineConfig } from 'tsup';

// The administration's page, for the router to serve. After the package itself, whose build empties the folder.
export default defineConfig({
  entry: { app: 'src/admin-page/browser/main.ts', page: 'src/admin-page/browser/styles/page.css' },
  outDir: 'dist/admin-page',
  format: ['esm'],
  target: 'es2022',
  platform: 'browser',
  outExtension: () => ({ js: '.js' }),
  minify: true,
  splitting: false,
});
