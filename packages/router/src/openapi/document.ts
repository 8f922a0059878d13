import { z } from 'zod';
import type { Operation, OperationParameter, OperationResponse } from '../http/operation.ts';
import type { Route } from '../http/route-table.ts';

/** A description in OpenAPI 3.1: JSON, and nothing else. */
export type OpenApiDocument = Readonly<Record<string, unknown>>;

const TAGS: Readonly<Record<Operation['tag'], string>> = {
  models: 'OpenAI-compatible routes. Each is reachable end-to-end encrypted too.',
  chatbots: 'Models with a system prompt and conversations of their own.',
  encrypted: 'The ways in for sealed requests.',
  keys: 'The keys that requests are sealed to.',
  administration: 'For the operator, with a credential of its own.',
  health: 'For probes and metrics.',
};

/** The body of every error, whoever raises it. */
const errorSchema = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
  detail: z.string().optional().describe('The message again, on routes of clients that look for it here.'),
});

/** Describes routes, with the schemas that they validate with. */
export function describeRoutes(
  routes: readonly Route[],
  about: { readonly version: string; readonly servers: readonly string[] },
): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = templateOf(route.path);
    paths[path] ??= {};
    paths[path][route.method.toLowerCase()] = describe(route, path);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sotto router',
      version: about.version,
      description: 'Model APIs, end-to-end encrypted. Routes of models and chatbots also take sealed requests.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    ...(about.servers.length === 0 ? {} : { servers: about.servers.map((url) => ({ url })) }),
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API key.' },
        apiKey: {
          type: 'apiKey',
          in: 'header',
          name: 'X-API-Key',
          description: 'The same, for clients that want it so.',
        },
        adminKey: { type: 'http', scheme: 'bearer', description: 'The administration key.' },
      },
      schemas: { Error: jsonSchema(errorSchema, 'output') },
    },
  };
}

/** The path as OpenAPI writes it: `:id` is `{id}`, and the rest of a path, slashes and all, is `{path}`. */
export function templateOf(path: string): string {
  return path.replaceAll(/:(\w+)/g, '{$1}').replace(/\*$/, '{path}');
}

function describe({ method, operation }: Route, path: string): object {
  const { summary, tag, credential, request, responses } = operation;
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[^A-Za-z0-9]+/g, '_').replace(/_$/, '')}`,
    summary,
    tags: [tag],
    security: SECURITY[credential],
    ...parametersOf(path, operation.parameters ?? []),
    ...(request === undefined
      ? {}
      : { requestBody: { required: true, content: { [request.mediaType]: media(request.schema ?? null, 'input') } } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(responses).map(([status, response]) => [status, describeResponse(response)]),
      ),
      default: {
        description: 'An error.',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  };
}

const SECURITY: Readonly<Record<Operation['credential'], readonly object[]>> = {
  'api-key': [{ bearer: [] }, { apiKey: [] }],
  'admin-key': [{ adminKey: [] }],
  none: [],
};

function parametersOf(path: string, told: readonly OperationParameter[]): object {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => {
    const more = told.find((parameter) => parameter.in === 'path' && parameter.name === name);
    const description = more?.description ?? (name === 'path' ? 'May hold slashes.' : undefined);
    const schema = more === undefined ? { type: 'string' } : jsonSchema(more.schema, 'input');
    return { name, in: 'path', required: true, ...(description === undefined ? {} : { description }), schema };
  });
  const others = told
    .filter((parameter) => parameter.in !== 'path')
    .map(({ schema, ...rest }) => ({ ...rest, required: false, schema: jsonSchema(schema, 'input') }));
  const parameters = [...inPath, ...others];
  return parameters.length === 0 ? {} : { parameters };
}

function describeResponse({ description, content = {} }: OperationResponse): object {
  const types = Object.entries(content).map(([type, schema]) => [type, media(schema, 'output')] as const);
  return { description, ...(types.length === 0 ? {} : { content: Object.fromEntries(types) }) };
}

function media(schema: z.ZodType | null, io: 'input' | 'output'): object {
  return schema === null ? {} : { schema: jsonSchema(schema, io) };
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _ofTheDocument, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}
