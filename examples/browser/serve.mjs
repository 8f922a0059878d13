// Serves dist/ on this machine. PORT chooses the port; 0 takes a free one.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

const FILES = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/chat.js': ['chat.js', 'text/javascript; charset=utf-8'],
  '/style.css': ['style.css', 'text/css; charset=utf-8'],
};

/** The page's files, and the parts of its program that are loaded when they are needed. */
function fileAt(url) {
  return FILES[url] ?? (/^\/chunk-[A-Z0-9]+\.js$/.test(url) ? [url.slice(1), FILES['/chat.js'][1]] : undefined);
}

/** What the page's own policy cannot say, or should not have to. */
const HEADERS = {
  'cache-control': 'no-cache',
  'content-security-policy': "frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

const server = createServer(async ({ method, url }, response) => {
  const [name, type] = (method === 'GET' && fileAt(url)) || [];
  try {
    const content = await readFile(new URL(`dist/${name}`, import.meta.url));
    response.writeHead(200, { ...HEADERS, 'content-type': type }).end(content);
  } catch {
    response.writeHead(404, HEADERS).end();
  }
});
server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  console.log(`The page is at http://127.0.0.1:${server.address().port}/`);
});
