import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { fetchModelNames } from '../src/router-models.ts';

let answer: { status: number; body: string; location?: string };
let authorization: string | undefined;
const server = createServer((request, response) => {
  if (request.url !== '/v1/models' && request.url !== '/elsewhere') {
    // A router of nomyo-v1 alone: it has no keys for ohttp.
    response.writeHead(404).end();
    return;
  }
  authorization = request.headers.authorization;
  const location = answer.location === undefined ? {} : { location: answer.location };
  response
    .writeHead(answer.status, location)
    .end(request.url === '/v1/models' ? answer.body : '{"data":[{"id":"lost"}]}');
});
let url: string;

function modelsOf(router: string, apiKey: string | undefined, allowHttp: boolean): Promise<readonly string[]> {
  return fetchModelNames({ router, apiKey, allowHttp, pinnedSigners: undefined });
}

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  answer = { status: 200, body: '{"data":[{"id":"a"},{"id":"b/c"},{"name":"no id"},null]}' };
});
afterAll(() => void server.close());

test('lists the ids, whichever form the address has, and sends the key', async () => {
  for (const router of [url, `${url}/`, `${url}/v1`]) expect(await modelsOf(router, 'key', true)).toEqual(['a', 'b/c']);
  expect(authorization).toBe('Bearer key');
});

test('sends nothing over plain http that was not allowed', async () => {
  authorization = 'untouched';
  await expect(modelsOf(url, 'key', false)).rejects.toMatchObject({ code: 'insecure_transport' });
  expect(authorization).toBe('untouched');
});

test('tells the refusal of the router as a typed error', async () => {
  answer = { status: 401, body: '{"error":{"message":"no","code":"invalid_api_key"}}' };
  await expect(modelsOf(url, undefined, true)).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' });
});

test('follows no redirection: it would carry the key elsewhere', async () => {
  answer = { status: 307, body: '', location: '/elsewhere' };
  await expect(modelsOf(url, 'key', true)).rejects.toMatchObject({ name: 'UsageError' });
});

test('takes an answer without a list for an empty one, and says where an address is none', async () => {
  answer = { status: 200, body: '[]' };
  expect(await modelsOf(url, undefined, true)).toEqual([]);
  await expect(modelsOf('not a url', undefined, true)).rejects.toThrow('--router takes a URL');
});

test('an answer that is not JSON is not an internal error', async () => {
  answer = { status: 200, body: '<html>' };
  await expect(modelsOf(url, undefined, true)).rejects.toMatchObject({ name: 'UsageError' });
});
