import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { errorOf, send } from '../http-client.ts';
import { type DescribedRouter, startDescribedRouter } from './described-router.ts';

let router: DescribedRouter;
beforeAll(async () => {
  router = await startDescribedRouter();
});
afterAll(() => router.close());

describe('the description', () => {
  test('is OpenAPI 3.1, by a validator that is not ours', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(structuredClone(router.document));
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
    expect(validator.version).toBe('3.1');
  });

  test('is the same in YAML, and below /api', async () => {
    const yaml = await send(`${router.url}/openapi.yaml`);
    expect(yaml.headers['content-type']).toBe('application/yaml');
    expect(parse(yaml.text)).toEqual(router.document);
    expect((await send(`${router.url}/api/v1/openapi.json`)).json()).toEqual(router.document);
  });

  test('names every operation once', () => {
    const ids = [...JSON.stringify(router.document).matchAll(/"operationId":"([^"]+)"/g)].map(([, id]) => id);
    expect(ids).toHaveLength(router.operations.length);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('leads to the form of sealed requests, and to the routes of models below both paths', () => {
    const names = router.operations.map(({ name }) => name);
    expect(names).toContain('POST /.well-known/ohttp-gateway');
    for (const path of ['/v1/chat/completions', '/v1/completions', '/v1/embeddings']) {
      expect(names).toContain(`POST ${path}`);
      expect(names).toContain(`POST /api${path}`);
    }
  });

  test('holds no credential, no name of a model server, no system prompt', () => {
    const text = JSON.stringify(router.document);
    for (const secret of ['sotto_described', 'admin-key-of', '127.0.0.1', 'Be kind.'])
      expect(text).not.toContain(secret);
  });
});

describe('every described operation', () => {
  test('is there: no path is unknown, no method refused', async () => {
    for (const { name, method, path } of router.operations) {
      // There any other file is a path that is not there.
      const target = path.replace('{file}', 'start.js').replaceAll(/\{\w+\}/g, 'x');
      const answer = await router.ask(method, target, method === 'GET' ? undefined : {});
      expect(answer.status, name).not.toBe(405);
      if (answer.status === 404) expect(errorOf(answer).message, name).not.toContain('nothing at this path');
    }
  });

  test('refuses who brings no credential, or a wrong one, where it asks for one, in the form that it describes', async () => {
    const closed = router.operations.filter(({ credential }) => credential !== 'none');
    expect(closed.length).toBeGreaterThan(20);
    for (const { name, method, path, credential } of closed) {
      for (const authorization of ['', 'Bearer sotto_wrong']) {
        const body = method === 'GET' || method === 'DELETE' ? undefined : {};
        const answer = await router.ask(method, path.replaceAll(/\{\w+\}/g, 'x'), body, { headers: { authorization } });
        // The administration answers ten guesses a second, and then none.
        expect(credential === 'admin-key' ? [401, 429] : [401], name).toContain(answer.status);
        expect(router.faultsOf(name, answer), name).toEqual([]);
      }
    }
  });

  test('that takes JSON refuses what is none, and what has another shape, in the form that it describes', async () => {
    const taking = router.operations.filter(({ takes }) => takes === 'application/json');
    expect(taking.length).toBeGreaterThan(10);
    for (const { name, method, path } of taking) {
      const target = path.replace('/chatbot/external/{id}', '/chatbot/external/bot').replaceAll(/\{\w+\}/g, 'x');
      for (const body of ['{"model":', '[]', '"text"', '{"model":7,"name":7}']) {
        const answer = await router.ask(method, target, undefined, { body });
        expect([400, 404], name).toContain(answer.status);
        expect(router.faultsOf(name, answer), name).toEqual([]);
      }
    }
  });
});
