import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Where the page is; its files are below. */
export const DOCS_PATH = '/api/v1/docs';

/** The viewer's files that the page loads, and their media types. */
const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

const START_SCRIPT = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#viewer', deepLinking: true, validatorUrl: null });\n`;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sotto router: API</title>
<link rel="stylesheet" href="${DOCS_PATH}/swagger-ui.css">
<link rel="icon" type="image/png" href="${DOCS_PATH}/favicon-32x32.png">
</head>
<body>
<div id="viewer"></div>
<noscript>This page needs JavaScript. The description itself is at <a href="/openapi.yaml">/openapi.yaml</a>.</noscript>
<script src="${DOCS_PATH}/swagger-ui-bundle.js"></script>
<script src="${DOCS_PATH}/start.js"></script>
</body>
</html>
`;

/**
 * What the page may do: nothing from elsewhere, no script but its own files. The viewer sets styles from script, and
 * draws its icons from data.
 */
export const DOCS_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** A file of the page. */
export interface DocsFile {
  readonly mediaType: string;
  readonly body: Uint8Array;
  readonly etag: string;
}

const files = new Map<string, Promise<DocsFile>>();

/** A file of the page by its name, the empty one for the page itself; null where there is none. Read once. */
export function docsFile(name: string): Promise<DocsFile> | null {
  const known = files.get(name);
  if (known !== undefined) return known;
  const file = read(name);
  if (file !== null) files.set(name, file);
  return file;
}

function read(name: string): Promise<DocsFile> | null {
  if (name === '') return Promise.resolve(fileOf('text/html; charset=utf-8', Buffer.from(PAGE)));
  if (name === 'start.js') return Promise.resolve(fileOf('text/javascript; charset=utf-8', Buffer.from(START_SCRIPT)));
  const mediaType = Object.hasOwn(ASSETS, name) ? ASSETS[name] : undefined;
  if (mediaType === undefined) return null;
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  return readFile(join(folder, name)).then((body) => fileOf(mediaType, body));
}

function fileOf(mediaType: string, body: Uint8Array): DocsFile {
  return { mediaType, body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
}
