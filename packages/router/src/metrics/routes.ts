import { Buffer } from 'node:buffer';
import { sendBytes } from '../http/answer.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Route } from '../http/route-table.ts';
import { expositionText, type MetricSnapshot } from './metric-snapshot.ts';

/** Prometheus' text exposition format 0.0.4. */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** `GET /metrics`, for Prometheus, of all the router's processes. `allow` throws where the caller may not read them. */
export function metricsRoutes(
  gather: () => Promise<readonly (readonly MetricSnapshot[])[]>,
  access: { readonly credential: 'admin-key' | 'none'; readonly allow: (exchange: Exchange) => Promise<void> | void },
): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/metrics',
      handle: async (exchange) => {
        await access.allow(exchange);
        const body = Buffer.from(await expositionText(await gather()));
        sendBytes(exchange.sink, 200, { 'content-type': CONTENT_TYPE, 'cache-control': 'no-store' }, body);
      },
      operation: {
        summary: 'Counters for Prometheus',
        tag: 'health',
        credential: access.credential,
        responses: { 200: { description: 'Text exposition format.', content: { 'text/plain': null } } },
      },
    },
  ];
}
