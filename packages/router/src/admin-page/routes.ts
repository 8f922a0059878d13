import { apiError } from '@sotto/protocol';
import { sendBytes, sendTagged } from '../http/answer.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Route } from '../http/route-table.ts';
import { ADMIN_PAGE_POLICY, pageFile } from './page-files.ts';

/** Where the page is. */
const PAGE_PATH = '/admin/';

/** Said with every file: nobody frames it, opens it with a handle on it, or loads a part of it elsewhere. */
const HEADERS = {
  'content-security-policy': ADMIN_PAGE_POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-cache',
};

/** The administration's page. Its files hold no secret and need no key; what it shows, it asks the API for. */
export function adminPageRoutes(): readonly Route[] {
  return [
    {
      method: 'GET',
      path: PAGE_PATH,
      handle: (exchange) => {
        // Its addresses are relative: they need the slash.
        if (!exchange.request.path.endsWith('/')) sendBytes(exchange.sink, 308, { location: 'admin/' }, NOTHING);
        else return sendFile(exchange, '');
        return undefined;
      },
      operation: operation('A page to administer the router', 'text/html'),
    },
    {
      method: 'GET',
      path: `${PAGE_PATH}assets/:file`,
      handle: (exchange, { file }) => sendFile(exchange, file ?? ''),
      operation: operation('A file of that page', '*/*'),
    },
  ];
}

const NOTHING = new Uint8Array(0);

function operation(summary: string, mediaType: string): Route['operation'] {
  return {
    summary,
    tag: 'administration',
    credential: 'none',
    responses: { 200: { description: 'The file.', content: { [mediaType]: null } } },
  };
}

async function sendFile(exchange: Exchange, name: string): Promise<void> {
  const file = await pageFile(name);
  if (file === null) throw apiError('not_found', 'the page has no such file');
  sendTagged(exchange, { ...HEADERS, 'content-type': file.mediaType, etag: file.etag }, file.body);
}
