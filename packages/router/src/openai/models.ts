import { apiError } from '@sotto/protocol';
import type { z } from 'zod';
import { sendJson } from '../http/answer.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Route } from '../http/route-table.ts';
import type { ListedModel } from '../upstreams/model-directory.ts';
import { modelListSchema, modelSchema } from './answer-schema.ts';
import type { ModelRoutesOptions } from './model-request.ts';

/** `GET /v1/models` and `GET /v1/models/{id}`; an id may hold slashes. */
export function modelRoutes(options: ModelRoutesOptions): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/models',
      handle: (exchange) => listModels(exchange, options),
      operation: {
        summary: 'List the models that the key allows, aliases among them',
        tag: 'models',
        credential: 'api-key',
        responses: { 200: { description: 'The models.', content: { 'application/json': modelListSchema } } },
      },
    },
    {
      method: 'GET',
      path: '/v1/models/*',
      handle: (exchange, { '*': id }) => getModel(exchange, options, id ?? ''),
      operation: {
        summary: 'Look one model up; its id may hold slashes',
        tag: 'models',
        credential: 'api-key',
        responses: { 200: { description: 'The model.', content: { 'application/json': modelSchema } } },
      },
    },
  ];
}

async function listModels(exchange: Exchange, options: ModelRoutesOptions): Promise<void> {
  const rights = await options.admit(exchange);
  const models = (await options.directory.list()).filter(({ id }) => rights.allowsModel(id));
  sendJson(exchange.sink, 200, { object: 'list', data: models.map(modelObject) });
}

async function getModel(exchange: Exchange, options: ModelRoutesOptions, id: string): Promise<void> {
  const rights = await options.admit(exchange);
  const models = (await options.directory.list()).filter((model) => rights.allowsModel(model.id));
  const model = models.find((each) => each.id === id);
  if (model === undefined) throw apiError('model_not_found', 'there is no such model here', { param: 'model' });
  sendJson(exchange.sink, 200, modelObject(model));
}

/** Unix time in seconds that models are said to be made at: OpenAI's SDKs want a number, and none is known. */
const CREATED = 0;

function modelObject(model: ListedModel): z.output<typeof modelSchema> {
  return { id: model.id, object: 'model', created: CREATED, owned_by: model.ownedBy };
}
