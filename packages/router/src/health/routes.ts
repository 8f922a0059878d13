import { sendJson } from '../http/answer.ts';
import type { Route } from '../http/route-table.ts';

/** `GET /health`: whether the router takes requests. 503 from the moment it shuts down. */
export function healthRoutes(isShuttingDown: () => boolean): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/health',
      handle: ({ sink }) => {
        const status = isShuttingDown() ? 'shutting_down' : 'ok';
        sendJson(sink, status === 'ok' ? 200 : 503, { status }, { 'cache-control': 'no-store' });
      },
    },
  ];
}
