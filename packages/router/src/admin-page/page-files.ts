import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** What the build makes of `browser/`, and the media types. */
const BUILT: Readonly<Record<string, string>> = {
  'app.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
};

/** Addresses are relative: behind a proxy the page may be below a prefix. */
const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Sotto administration</title>
<link rel="icon" type="image/svg+xml" href="assets/icon.svg">
<link rel="stylesheet" href="assets/page.css">
<script type="module" src="assets/app.js"></script>
</head>
<body>
<div id="app"></div>
<noscript>This page needs JavaScript. Everything it does can be done over the API, too.</noscript>
</body>
</html>
`;

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#0f766e"/><path d="M10 15v-3a6 6 0 0 1 12 0v3" fill="none" stroke="#fff" stroke-width="2.5" stroke-linecap="round"/><rect x="8" y="15" width="16" height="10" rx="3" fill="#fff"/></svg>
`;

/**
 * What the page may do: run its own files, ask its own router, and nothing else. Text never becomes markup: with
 * trusted types required and none to be had, the browser refuses to parse any.
 */
export const ADMIN_PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** A file of the page. */
export interface PageFile {
  readonly mediaType: string;
  readonly body: Uint8Array;
  readonly etag: string;
}

const files = new Map<string, Promise<PageFile>>();

/** A file of the page by its name, the empty one for the page itself; null where there is none. Read once. */
export function pageFile(name: string): Promise<PageFile> | null {
  const known = files.get(name);
  if (known !== undefined) return known;
  const file = read(name);
  if (file !== null) files.set(name, file);
  return file;
}

function read(name: string): Promise<PageFile> | null {
  if (name === '') return Promise.resolve(fileOf('text/html; charset=utf-8', Buffer.from(PAGE)));
  if (name === 'icon.svg') return Promise.resolve(fileOf('image/svg+xml', Buffer.from(ICON)));
  const mediaType = Object.hasOwn(BUILT, name) ? BUILT[name] : undefined;
  if (mediaType === undefined) return null;
  // The package finds itself: from its sources as well as from what the build made of them.
  const root = dirname(createRequire(import.meta.url).resolve('@sotto/router/package.json'));
  return readFile(join(root, 'dist', 'admin-page', name)).then((body) => fileOf(mediaType, body));
}

function fileOf(mediaType: string, body: Uint8Array): PageFile {
  return { mediaType, body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
}
