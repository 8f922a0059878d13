import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { z } from 'zod';
import { createRouter } from '../../src/app.ts';
import { serve } from '../../src/serve.ts';
import { type Answer, type Sent, send } from '../http-client.ts';
import { testRsaPkcs8 } from '../running-router.ts';
import { startStandIn } from '../stand-in-upstream.ts';
import { modelAnswers } from './model-answers.ts';

export const API_KEY = 'sotto_described_key';
export const ADMIN_KEY = 'admin-key-of-a-good-length';

const operationSchema = z.looseObject({
  operationId: z.string(),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  requestBody: z
    .looseObject({ content: z.record(z.string(), z.looseObject({ schema: z.unknown().optional() })) })
    .optional(),
  responses: z.record(z.string(), z.looseObject({ content: z.record(z.string(), z.unknown()).optional() })),
});
const documentSchema = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), operationSchema)),
});

/** One operation of the description: its method in capitals, and its path with parameters in braces. */
export interface DescribedOperation {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly credential: 'api-key' | 'admin-key' | 'none';
  /** Media type of its body; null where it has none. */
  readonly takes: string | null;
}

/** A router with everything on, and its own description to hold its answers to. */
export interface DescribedRouter {
  readonly url: string;
  readonly document: Record<string, unknown>;
  readonly operations: readonly DescribedOperation[];
  /** Sends a request with the credential that the path asks for. */
  ask(method: string, path: string, body?: unknown, sent?: Sent): Promise<Answer>;
  /** What of an answer is not as described; empty where all is. */
  faultsOf(operation: string, answer: Answer): readonly string[];
  /** What of a request's body is not as described. */
  bodyFaultsOf(operation: string, body: unknown): readonly string[];
  close(): Promise<void>;
}

/** Starts a router with administration, chatbots and a database. */
export async function startDescribedRouter(): Promise<DescribedRouter> {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-described-'));
  const upstream = await startStandIn(['m']);
  upstream.behave(modelAnswers);
  const router = await createRouter(
    {
      listen: '127.0.0.1:0',
      storage: `sqlite:${join(folder, 'sotto.db')}`,
      storageKey: { key: Buffer.alloc(32, 7).toString('base64') },
      admin: { key: ADMIN_KEY },
      keys: [{ name: 'one', key: API_KEY }],
      aliases: { 'org/alias': ['m'] },
      chatbots: [{ id: 'bot', name: 'Bot', model: 'org/alias', systemPrompt: 'Be kind.' }],
      upstreams: [{ name: 'up', baseUrl: upstream.baseUrl, models: ['m'] }],
      models: { m: { price: { inputPerMillion: 1, outputPerMillion: 2 } } },
      shutdownGraceSeconds: 1,
    },
    { environment: {}, rsaPkcs8: testRsaPkcs8() },
  );
  const server = await serve(router);
  const document = (await send(`${server.url}/openapi.json`)).json();
  return {
    url: server.url,
    document,
    ...description(document),
    ask: (method, path, body, { headers, ...sent } = {}) => {
      const key = path.startsWith('/admin') ? ADMIN_KEY : API_KEY;
      return send(server.url + path, {
        method,
        body: body === undefined ? null : JSON.stringify(body),
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
        ...sent,
      });
    },
    close: async () => {
      await server.close();
      await upstream.close();
      rmSync(folder, { recursive: true });
    },
  };
}

function description(
  document: Record<string, unknown>,
): Pick<DescribedRouter, 'operations' | 'faultsOf' | 'bodyFaultsOf'> {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats(ajv);
  // zod writes it beside `contentEncoding: base64`, which says the same and is the standard's word for it.
  ajv.addFormat('base64', /^[A-Za-z0-9+/]*={0,2}$/);
  ajv.addSchema(document, 'api');
  const described = new Map(
    Object.entries(documentSchema.parse(document).paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => {
        const name = `${method.toUpperCase()} ${path}`;
        return [name, { method: method.toUpperCase(), path, operation }] as const;
      }),
    ),
  );
  const of = (name: string): z.output<typeof operationSchema> => {
    const operation = described.get(name)?.operation;
    if (operation === undefined) throw new Error(`${name} is not described`);
    return operation;
  };
  const faults = (pointer: readonly string[], value: unknown): readonly string[] => {
    const $ref = `api#/${pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
    const validate = ajv.compile({ $ref });
    return validate(value) ? [] : (validate.errors ?? []).map((fault) => `${fault.instancePath} ${fault.message}`);
  };
  const pathOf = (name: string): readonly string[] => {
    const { method = '', path = '' } = described.get(name) ?? {};
    return ['paths', path, method.toLowerCase()];
  };
  return {
    operations: [...described].map(([name, { method, path, operation }]) => ({
      name,
      method,
      path,
      credential: credentialOf(operation),
      takes: Object.keys(operation.requestBody?.content ?? {})[0] ?? null,
    })),
    faultsOf: (name, answer) => {
      const { responses } = of(name);
      const status = String(answer.status) in responses ? String(answer.status) : 'default';
      if (status === 'default' && answer.status < 400) return [`a ${answer.status} is not described`];
      const content = responses[status]?.content ?? {};
      const type = String(answer.headers['content-type']).split(';')[0] ?? '';
      const member = type in content ? type : '*/*';
      if (!(member in content)) return [`${type} is not described for ${status}`];
      const media = content[member];
      if (typeof media !== 'object' || media === null || !('schema' in media)) return [];
      return faults([...pathOf(name), 'responses', status, 'content', member, 'schema'], answer.json());
    },
    bodyFaultsOf: (name, body) =>
      of(name).requestBody?.content['application/json']?.schema === undefined
        ? []
        : faults([...pathOf(name), 'requestBody', 'content', 'application/json', 'schema'], body),
  };
}

function credentialOf({ security }: z.output<typeof operationSchema>): DescribedOperation['credential'] {
  const names = security.flatMap((each) => Object.keys(each));
  if (names.includes('adminKey')) return 'admin-key';
  return names.includes('apiKey') ? 'api-key' : 'none';
}
