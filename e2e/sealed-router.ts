import { createRouter, type Router, type RouterConfigInput, type RouterServer, serve } from '@sotto/router';
import { type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';

/** A router that listens on loopback, and the model server behind it that a test controls. */
export interface SealedRouter {
  readonly url: string;
  readonly router: Router;
  readonly upstream: StandInUpstream;
  close(): Promise<void>;
}

/** The key that the router takes. */
export const API_KEY = 'sotto_e2e_5f2c9d41';

/** Starts a router for sealed requests: the stand-in's model is `m`, and {@link API_KEY} is let in. */
export async function startSealedRouter(config: Partial<RouterConfigInput> = {}): Promise<SealedRouter> {
  const upstream = await startStandIn(['m']);
  const { router, server } = await startRouterAt(upstream.baseUrl, config);
  return {
    url: server.url,
    router,
    upstream,
    close: async () => {
      // First the stand-in: what it still owes would hold the router's shutdown up.
      await upstream.close();
      await server.close();
    },
  };
}

/** Starts only the router, in front of the model server at `baseUrl`. */
export async function startRouterAt(
  baseUrl: string,
  config: Partial<RouterConfigInput> = {},
): Promise<{ readonly router: Router; readonly server: RouterServer }> {
  const router = await createRouter({
    listen: '127.0.0.1:0',
    protocols: ['ohttp', 'clear'],
    keys: [{ name: 'e2e', key: API_KEY }],
    // What the model server saw last is then what a test sent.
    upstreams: [{ name: 'model', baseUrl, models: ['m'], probe: false }],
    shutdownGraceSeconds: 1,
    ...config,
  });
  return { router, server: await serve(router) };
}
