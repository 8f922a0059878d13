import { Buffer } from 'node:buffer';
import { apiError } from '@sotto/protocol';
import { stringify } from 'yaml';
import { sendBytes, sendTagged } from '../http/answer.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Route } from '../http/route-table.ts';
import { DOCS_PATH, DOCS_POLICY, docsFile } from './docs-page.ts';
import { describeRoutes, type OpenApiDocument } from './document.ts';

/** What the description says beside the routes. */
export interface OpenApiOptions {
  /** The routes to describe; these are added. Called once, at the first reader. */
  readonly routes: () => readonly Route[];
  readonly version: string;
  /** Base URLs to try the routes at. */
  readonly servers: readonly string[];
}

/** `GET /openapi.json`, `/openapi.yaml`, and a page to read and try them at `/api/v1/docs`. */
export function openApiRoutes(options: OpenApiOptions): readonly Route[] {
  let document: OpenApiDocument | null = null;
  const described = (): OpenApiDocument => (document ??= describeRoutes([...options.routes(), ...routes], options));
  const json = (): Buffer => Buffer.from(JSON.stringify(described(), null, 2));
  const routes: readonly Route[] = [
    textRoute('/openapi.json', 'This description', 'application/json', json),
    textRoute('/openapi.yaml', 'This description in YAML', 'application/yaml', () =>
      Buffer.from(stringify(described())),
    ),
    textRoute('/api/v1/openapi.json', 'This description', 'application/json', json),
    pageRoute(DOCS_PATH, 'A page to read and try the routes', 'text/html'),
    pageRoute(`${DOCS_PATH}/:file`, 'A file of that page', '*/*'),
  ];
  return routes;
}

function textRoute(path: string, summary: string, mediaType: string, text: () => Buffer): Route {
  let body: Buffer | null = null;
  return {
    method: 'GET',
    path,
    handle: ({ sink }) => {
      body ??= text();
      sendBytes(sink, 200, { 'content-type': mediaType, 'cache-control': 'no-cache' }, body);
    },
    operation: {
      summary,
      tag: 'health',
      credential: 'none',
      responses: { 200: { description: 'OpenAPI 3.1.', content: { [mediaType]: null } } },
    },
  };
}

function pageRoute(path: string, summary: string, mediaType: string): Route {
  return {
    method: 'GET',
    path,
    handle: (exchange, { file }) => sendFile(exchange, file ?? ''),
    operation: {
      summary,
      tag: 'health',
      credential: 'none',
      responses: { 200: { description: 'The file.', content: { [mediaType]: null } } },
    },
  };
}

async function sendFile(exchange: Exchange, name: string): Promise<void> {
  const file = await docsFile(name);
  if (file === null) throw apiError('not_found', 'there is nothing at this path');
  const headers = {
    'content-type': file.mediaType,
    'content-security-policy': DOCS_POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
    etag: file.etag,
  };
  sendTagged(exchange, headers, file.body);
}
