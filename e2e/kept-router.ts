import { existsSync, readFileSync } from 'node:fs';
import { request } from 'undici';
import { inject } from 'vitest';
import { type RunningRouter, startConfigured } from './sotto.ts';

export const ADMIN_KEY = 'admin-key-of-a-good-length';

/** An answer to {@link sendTo}. */
export interface KeptAnswer {
  readonly status: number;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

/** What a router with a database is started with. */
export interface KeptRouterOptions {
  /** Where its files are. */
  readonly folder: string;
  /** Base URL of its model server. */
  readonly baseUrl: string;
  readonly models: readonly string[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly args?: readonly string[];
}

/** Starts `sotto serve` with administration and a database in `folder`, the same one whenever it is started there. */
export function startKept({ folder, baseUrl, models, config, args = [] }: KeptRouterOptions): Promise<RunningRouter> {
  return startConfigured(
    `${folder}/kept.json`,
    {
      listen: '127.0.0.1:0',
      nomyoV1: { keyFile: inject('routerKey') },
      storage: `sqlite:${folder}/kept.db`,
      storageKey: { key: Buffer.alloc(32, 9).toString('base64') },
      admin: { key: ADMIN_KEY },
      keys: [{ name: 'configured', key: 'sotto_configured_key' }],
      // What the model server saw last is then what a test sent.
      upstreams: [{ name: 'model', baseUrl, models, probe: false }],
      shutdownGraceSeconds: 5,
      ...config,
    },
    { args },
  );
}

/** Everything that a database wrote into its folder, as latin1 text to search. */
export function databaseText(folder: string): string {
  const files = ['kept.db', 'kept.db-wal', 'kept.db-shm'].map((name) => `${folder}/${name}`);
  return files.flatMap((file) => (existsSync(file) ? readFileSync(file, 'latin1') : [])).join('\n');
}

/** Sends on a connection of its own: connections, not requests, are dealt out to workers in turn. */
export async function sendTo(
  router: RunningRouter,
  target: string,
  { key = ADMIN_KEY, body }: { readonly key?: string; readonly body?: unknown } = {},
): Promise<KeptAnswer> {
  const [method = 'GET', path = ''] = target.split(' ');
  const answer = await request(router.url + path, {
    method: method as 'GET',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
    reset: true,
  });
  const text = await answer.body.text();
  const isJson = String(answer.headers['content-type']).startsWith('application/json');
  return { status: answer.statusCode, text, json: isJson ? (JSON.parse(text) as Record<string, unknown>) : {} };
}
