import { apiError } from '@sotto/protocol';
import FindMyWay from 'find-my-way';
import type { Exchange, Handler } from './exchange.ts';
import type { Operation } from './operation.ts';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** Methods that routes are written for. */
export type RouteMethod = (typeof METHODS)[number];

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
  /** How the API description tells of it. */
  readonly operation: Operation;
}

/** Joins the features' routes into one handler; a path without the method is a 405, another path a 404. */
export function routeTable(routes: readonly Route[]): Handler {
  const matcher = FindMyWay({ ignoreTrailingSlash: true });
  for (const route of routes) {
    // The matcher's own handlers are never called: it is asked to find, and its store is the route.
    matcher.on(route.method, route.path, () => {}, route);
  }
  return (exchange) => {
    const { method, path } = exchange.request;
    const wanted = METHODS.find((known) => known === (method === 'HEAD' ? 'GET' : method));
    const found = wanted === undefined ? null : matcher.find(wanted, path);
    if (found !== null) {
      const route = found.store as Route;
      exchange.route = route.path;
      return route.handle(exchange, found.params);
    }
    const allowed = METHODS.filter((other) => matcher.find(other, path) !== null);
    if (allowed.length === 0) throw apiError('not_found', 'there is nothing at this path');
    throw apiError('method_not_allowed', `this path takes ${allowed.join(' and ')}`, {
      headers: { allow: allowed.join(', ') },
    });
  };
}

/** The same routes below a prefix too: `/v1/models` also at `/api/v1/models`. */
export function alsoBelow(prefix: string, routes: readonly Route[]): readonly Route[] {
  return [...routes, ...routes.map((route) => ({ ...route, path: prefix + route.path }))];
}
