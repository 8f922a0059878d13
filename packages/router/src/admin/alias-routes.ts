import { apiError } from '@sotto/protocol';
import { z } from 'zod';
import { sendJson } from '../http/answer.ts';
import type { Exchange } from '../http/exchange.ts';
import { checkBody } from '../http/json-body.ts';
import type { Route } from '../http/route-table.ts';
import type { AliasRegistry } from '../upstreams/alias-registry.ts';
import { adminOperation } from './admin-operation.ts';
import { modelName } from './names.ts';
import { readBody } from './read-request.ts';

/** What the routes of aliases need. */
export interface AliasRoutesOptions {
  readonly aliases: Pick<AliasRegistry, 'list' | 'put' | 'delete'>;
}

const aliasBody = z.strictObject({
  models: z.array(modelName).min(1).max(32).describe('Models in the order to try.'),
});
const aliasParameter = z.object({ alias: modelName });
const aliasSchema = z.object({
  alias: z.string(),
  models: z.array(z.string()).readonly(),
  source: z.enum(['configuration', 'store']),
});
const aliasListSchema = z.object({ object: z.literal('list'), data: z.array(aliasSchema).readonly() });
const deletedSchema = z.object({ alias: z.string(), deleted: z.literal(true) });

/** The routes of aliases, whose names may hold slashes. */
export function aliasRoutes(options: AliasRoutesOptions): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/admin/v1/aliases',
      handle: ({ sink }) =>
        sendJson(sink, 200, { object: 'list', data: options.aliases.list() } satisfies z.output<
          typeof aliasListSchema
        >),
      operation: adminOperation('List aliases, those of the configuration first', aliasListSchema),
    },
    {
      method: 'PUT',
      path: '/admin/v1/aliases/*',
      handle: (exchange, { '*': alias = '' }) => putAlias(exchange, options, alias),
      operation: adminOperation('Make or replace an alias', aliasSchema, { request: aliasBody }),
    },
    {
      method: 'DELETE',
      path: '/admin/v1/aliases/*',
      handle: (exchange, { '*': alias = '' }) => deleteAlias(exchange, options, alias),
      operation: adminOperation('Delete an alias', deletedSchema),
    },
  ];
}

async function putAlias({ request, sink }: Exchange, options: AliasRoutesOptions, name: string): Promise<void> {
  const { aliases } = options;
  const { alias } = checkBody(aliasParameter, { alias: name });
  const { models } = await readBody(request, aliasBody);
  await aliases.put(alias, models);
  sendJson(sink, 200, { alias, models, source: 'store' } satisfies z.output<typeof aliasSchema>);
}

async function deleteAlias({ sink }: Exchange, { aliases }: AliasRoutesOptions, name: string): Promise<void> {
  const { alias } = checkBody(aliasParameter, { alias: name });
  if (!(await aliases.delete(alias))) throw apiError('not_found', 'there is no alias of this name');
  sendJson(sink, 200, { alias, deleted: true } satisfies z.output<typeof deletedSchema>);
}
