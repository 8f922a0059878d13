import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { errorOf, sendJson } from '../http-client.ts';
import { type RunningRouter, startRouter, upstreamsAt } from '../running-router.ts';
import { json, type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

let upstream: StandInUpstream;
let running: RunningRouter;
beforeAll(async () => {
  upstream = await startStandIn();
});
beforeEach(async () => {
  running = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
});
afterAll(() => upstream.close());

const NUMBERS = [0.5, -1, 0.25];
/** IEEE 754 binary32, little-endian: 0.5 = 3f000000, -1 = bf800000, 0.25 = 3e800000. */
const BASE64 = Buffer.from('0000003f000080bf0000803e', 'hex').toString('base64');

const answerOf = (...vectors: readonly unknown[]) => ({
  object: 'list',
  model: 'm',
  data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding, later: 1 })),
  usage: { prompt_tokens: 3, total_tokens: 3 },
});

const ask = (more: Record<string, unknown>, prefix = '/v1') =>
  sendJson(`${running.url}${prefix}/embeddings`, { model: 'm', input: 'x', ...more });

describe('embeddings', () => {
  test.each([
    ['a text', 'x'],
    ['several texts', ['x', 'y']],
    ['tokens', [1, 2]],
    ['several lists of tokens', [[1], [2]]],
  ])('of %s are answered, at /v1 and at /api/v1, with every field passed on', async (_what, input) => {
    upstream.behave(json(answerOf(NUMBERS)));
    for (const prefix of ['/v1', '/api/v1']) {
      const answer = await ask({ input, dimensions: 3, encoding_format: 'float', user: 'u' }, prefix);
      expect(answer.status).toBe(200);
      expect(answer.json()).toEqual(answerOf(NUMBERS));
      const body = { model: 'm', input, dimensions: 3, encoding_format: 'float', user: 'u' };
      expect(upstream.seen.at(-1)).toMatchObject({ path: '/v1/embeddings', body });
    }
  });

  test('are the upstream’s very bytes where they have the form that was asked for', async () => {
    const bytes = `{"object":"list","big":12345678901234567890,"data":[{"embedding":"${BASE64}"}]}`;
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(bytes);
    });
    expect((await ask({ encoding_format: 'base64' })).text).toBe(bytes);
  });

  test('come in base64 where the upstream knows only numbers, and the other way round', async () => {
    upstream.behave(json(answerOf(NUMBERS, NUMBERS)));
    expect((await ask({ encoding_format: 'base64' })).json()).toEqual(answerOf(BASE64, BASE64));
    upstream.behave(json(answerOf(BASE64)));
    expect((await ask({ encoding_format: 'float' })).json()).toEqual(answerOf(NUMBERS));
    expect((await ask({})).json()).toEqual(answerOf(NUMBERS));
  });

  test('that are neither are left as they are', async () => {
    const odd = answerOf(['a', 1], null, { sparse: 1 });
    upstream.behave(json(odd));
    expect((await ask({ encoding_format: 'base64' })).json()).toEqual(odd);
  });

  test.each([
    [{ input: undefined }, 'input'],
    [{ input: [] }, 'input'],
    [{ input: [[]] }, 'input[0]'],
    [{ input: { a: 1 } }, 'input'],
    [{ encoding_format: 'hex' }, 'encoding_format'],
    [{ dimensions: 0 }, 'dimensions'],
    [{ dimensions: '3' }, 'dimensions'],
    [{ mODEL: 'other' }, 'mODEL'],
  ])('asked for with %j are refused, naming the field', async (more, param) => {
    const answer = await ask(more);
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toMatchObject({ code: 'invalid_request', param });
  });
});
