import type { Route } from '../http/route-table.ts';
import type { LiveView } from '../metrics/live-view.ts';
import type { AliasRegistry } from '../upstreams/alias-registry.ts';
import type { UpstreamState } from '../upstreams/upstream-state.ts';
import type { UsageQuery, UsageRow } from '../usage/usage-store.ts';
import type { KeyRegistry } from '../virtual-keys/key-registry.ts';
import type { AdminGate } from './admin-gate.ts';
import { aliasRoutes } from './alias-routes.ts';
import { type AdministeredChatbots, chatbotAdminRoutes } from './chatbot-routes.ts';
import { keyRoutes } from './key-routes.ts';
import { liveRoutes } from './live-routes.ts';
import { upstreamRoutes } from './upstream-routes.ts';
import { usageRoutes } from './usage-routes.ts';

/** What the administration needs of the rest of the router. */
export interface AdminRoutesOptions {
  readonly gate: AdminGate;
  readonly keys: Pick<KeyRegistry, 'list' | 'get' | 'make' | 'import' | 'update' | 'revoke'>;
  readonly aliases: Pick<AliasRegistry, 'list' | 'put' | 'delete'>;
  readonly chatbots: AdministeredChatbots;
  /** Rows of usage, those that are not written yet among them. */
  readonly usage: (query: UsageQuery) => Promise<readonly UsageRow[]>;
  readonly upstreams: () => readonly UpstreamState[];
  /** What all the router's processes are doing now. */
  readonly live: () => Promise<LiveView>;
  readonly now?: () => number;
}

/** All routes below `/admin/v1`, behind one gate. */
export function adminRoutes(options: AdminRoutesOptions): readonly Route[] {
  const { gate, keys, aliases, chatbots, usage, upstreams, live, now = Date.now } = options;
  const keyNames = async (): Promise<ReadonlyMap<string, string>> =>
    new Map((await keys.list()).map(({ id, name }) => [id, name]));
  const routes = [
    ...keyRoutes({ keys, now }),
    ...aliasRoutes({ aliases }),
    ...chatbotAdminRoutes({ chatbots }),
    ...usageRoutes({ usage, keyNames }),
    ...upstreamRoutes(upstreams),
    ...liveRoutes(live),
  ];
  return routes.map((route) => ({ ...route, handle: gate.guard(route.handle) }));
}
