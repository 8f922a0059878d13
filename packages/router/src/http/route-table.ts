import { apiError } from '@sotto/protocol';
import FindMyWay from 'find-my-way';
import type { Exchange, Handler } from './exchange.ts';

/** Methods that routes are written for. */
export type RouteMethod = 'GET' | 'POST';

/** What a matched route gets: the exchange, and the path's parameters, percent-decoded. */
export type RouteHandler = (
  exchange: Exchange,
  parameters: Readonly<Record<string, string | undefined>>,
) => Promise<void> | void;

/** One route, as a feature declares it. */
export interface Route {
  readonly method: RouteMethod;
  /** find-my-way's notation; `*` takes the rest of the path, slashes and all. */
  readonly path: string;
  readonly handle: RouteHandler;
}

/** Joins the features' routes into one handler; a path without the method is a 405, another path a 404. */
export function routeTable(routes: readonly Route[]): Handler {
  const matcher = FindMyWay({ ignoreTrailingSlash: true });
  const handlers = new Map<string, RouteHandler>();
  const methods: RouteMethod[] = ['GET', 'POST'];
  for (const { method, path, handle } of routes) {
    handlers.set(`${method} ${path}`, handle);
    // The matcher's own handlers are never called: it is asked to find, and its store names ours.
    matcher.on(method, path, () => {}, `${method} ${path}`);
  }
  return (exchange) => {
    const { method, path } = exchange.request;
    const wanted = method === 'HEAD' ? 'GET' : method;
    const found = methods.some((known) => known === wanted) ? matcher.find(wanted as RouteMethod, path) : null;
    const handle = found === null ? undefined : handlers.get(String(found.store));
    if (found !== null && handle !== undefined) return handle(exchange, found.params);
    const allowed = methods.filter((other) => matcher.find(other, path) !== null);
    if (allowed.length === 0) throw apiError('not_found', 'there is nothing at this path');
    throw apiError('method_not_allowed', `this path takes ${allowed.join(' and ')}`, {
      headers: { allow: allowed.join(', ') },
    });
  };
}
