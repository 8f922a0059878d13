import { apiError } from '@sotto/protocol';
import { z } from 'zod';
import { sendJson } from '../http/answer.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Operation } from '../http/operation.ts';
import type { Route } from '../http/route-table.ts';
import type { KeyRegistry, ListedKey } from '../virtual-keys/key-registry.ts';
import { adminOperation } from './admin-operation.ts';
import { changesOf, definitionOf, importedKeyOf, keyView } from './key-form.ts';
import {
  keyChangesSchema,
  keyImportSchema,
  keyListQuery,
  keyListSchema,
  keySchema,
  madeKeySchema,
  newKeySchema,
} from './key-schema.ts';
import { queryParameters, readBody, readQuery } from './read-request.ts';

/** What the routes of virtual keys need. */
export interface KeyRoutesOptions {
  readonly keys: Pick<KeyRegistry, 'list' | 'get' | 'make' | 'import' | 'update' | 'revoke'>;
  readonly now: () => number;
}

const MAX_IMPORT_BYTES = 1_048_576;

/** The routes of virtual keys. */
export function keyRoutes(options: KeyRoutesOptions): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/admin/v1/keys',
      handle: (exchange) => makeKey(exchange, options),
      operation: keyOperation('Make a virtual key; the answer shows it, for the only time', madeKeySchema, {
        status: 201,
        request: newKeySchema,
      }),
    },
    {
      method: 'POST',
      path: '/admin/v1/keys/import',
      handle: (exchange) => importKeys(exchange, options),
      operation: keyOperation('Take over up to 1,000 keys that exist already, all of them or none', importedSchema, {
        status: 201,
        request: keyImportSchema,
      }),
    },
    {
      method: 'GET',
      path: '/admin/v1/keys',
      handle: (exchange) => listKeys(exchange, options),
      operation: {
        ...keyOperation('List virtual keys, those of the configuration first, then the oldest first', keyListSchema),
        parameters: queryParameters(keyListQuery.shape),
      },
    },
    {
      method: 'GET',
      path: '/admin/v1/keys/:id',
      handle: async (exchange, { id = '' }) => sendKey(exchange, options, await options.keys.get(id)),
      operation: keyOperation('Look one virtual key up', keySchema),
    },
    {
      method: 'PATCH',
      path: '/admin/v1/keys/:id',
      handle: (exchange, { id = '' }) => changeKey(exchange, options, id),
      operation: keyOperation('Change what a virtual key allows, from its next request on', keySchema, {
        request: keyChangesSchema,
      }),
    },
    {
      method: 'POST',
      path: '/admin/v1/keys/:id/revoke',
      handle: async (exchange, { id = '' }) => sendKey(exchange, options, await options.keys.revoke(id)),
      operation: keyOperation('Revoke a virtual key for good, at once', keySchema),
    },
  ];
}

const importedSchema = z.object({ object: z.literal('list'), data: z.array(keySchema) });

/** As {@link adminOperation}, among those of keys. */
function keyOperation(...[summary, answer, more]: Parameters<typeof adminOperation>): Operation {
  return adminOperation(summary, answer, { ...more, tag: 'keys' });
}

async function makeKey({ request, sink }: Exchange, { keys, now }: KeyRoutesOptions): Promise<void> {
  const form = await readBody(request, newKeySchema);
  const { key, listed } = await keys.make(definitionOf(form, now()));
  sendJson(sink, 201, { ...keyView(listed, now()), key } satisfies z.output<typeof madeKeySchema>);
}

async function importKeys({ request, sink }: Exchange, { keys, now }: KeyRoutesOptions): Promise<void> {
  const form = await readBody(request, keyImportSchema, MAX_IMPORT_BYTES);
  const imported = await keys.import(form.keys.map((key) => importedKeyOf(key, now())));
  const data = imported.map((key) => keyView(key, now()));
  sendJson(sink, 201, { object: 'list', data } satisfies z.output<typeof importedSchema>);
}

async function listKeys({ request, sink }: Exchange, { keys, now }: KeyRoutesOptions): Promise<void> {
  const { limit, after } = readQuery(request, keyListQuery);
  const all = await keys.list();
  const first = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && first === 0) {
    throw apiError('invalid_request', 'after: there is no key of this id', { param: 'after' });
  }
  const data = all.slice(first, first + limit).map((key) => keyView(key, now()));
  const hasMore = first + limit < all.length;
  sendJson(sink, 200, { object: 'list', data, hasMore } satisfies z.output<typeof keyListSchema>);
}

async function changeKey(exchange: Exchange, options: KeyRoutesOptions, id: string): Promise<void> {
  const { keys, now } = options;
  const form = await readBody(exchange.request, keyChangesSchema);
  const present = await keys.get(id);
  sendKey(exchange, options, present === null ? null : await keys.update(id, changesOf(form, present, now())));
}

function sendKey({ sink }: Exchange, { now }: KeyRoutesOptions, key: ListedKey | null): void {
  if (key === null) throw apiError('not_found', 'there is no key of this id');
  sendJson(sink, 200, keyView(key, now()));
}
