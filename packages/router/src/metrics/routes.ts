import { Buffer } from 'node:buffer';
import { sendBytes } from '../http/answer.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Route } from '../http/route-table.ts';
import type { RouterMetrics } from './router-metrics.ts';

/** `GET /metrics`, for Prometheus. `allow` throws where the caller may not read them. */
export function metricsRoutes(
  metrics: RouterMetrics,
  access: { readonly credential: 'admin-key' | 'none'; readonly allow: (exchange: Exchange) => Promise<void> | void },
): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/metrics',
      handle: async (exchange) => {
        await access.allow(exchange);
        const { contentType, body } = await metrics.text();
        sendBytes(exchange.sink, 200, { 'content-type': contentType, 'cache-control': 'no-store' }, Buffer.from(body));
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
