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

const ANSWER = {
  id: 'cmpl-1',
  object: 'text_completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, text: ' there', logprobs: null, finish_reason: 'length' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
};

describe('a text completion', () => {
  test.each([
    ['a text', 'once upon'],
    ['several texts', ['once', 'upon']],
    ['tokens', [1, 2, 3]],
    ['several lists of tokens', [[1, 2], [3]]],
    ['the empty text', ''],
  ])('of %s is answered, at /v1 and at /api/v1, with every field passed on', async (_what, prompt) => {
    upstream.behave(json(ANSWER));
    const body = { model: 'm', prompt, echo: true, best_of: 3, suffix: 'end', top_k: 5, later: { a: 1 } };
    for (const prefix of ['/v1', '/api/v1']) {
      const answer = await sendJson(`${running.url}${prefix}/completions`, body);
      expect(answer.status).toBe(200);
      expect(answer.json()).toEqual(ANSWER);
      expect(upstream.seen.at(-1)).toMatchObject({ path: '/v1/completions', body });
    }
  });

  test('is streamed byte for byte', async () => {
    const event = (text: string, finish: string | null): string =>
      `data: ${JSON.stringify({ ...ANSWER, usage: undefined, choices: [{ index: 0, text, finish_reason: finish }] })}\n\n`;
    const stream = `${event('a', null)}${event(' b', 'stop')}data: [DONE]\n\n`;
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(stream);
    });
    const answer = await sendJson(`${running.url}/v1/completions`, { model: 'm', prompt: 'x', stream: true });
    expect(answer.text).toBe(stream);
    expect(answer.complete).toBe(true);
  });

  test.each([
    ['no prompt', {}, 'prompt'],
    ['a prompt of null', { prompt: null }, 'prompt'],
    ['an empty list', { prompt: [] }, 'prompt'],
    ['half tokens', { prompt: [1.5] }, 'prompt'],
    ['a mixture', { prompt: ['a', 1] }, 'prompt'],
    ['a stream that is no boolean', { prompt: 'x', stream: 'yes' }, 'stream'],
    ['a second model', { prompt: 'x', MODEL: 'other' }, 'MODEL'],
  ])('with %s is refused, naming the field', async (_what, more, param) => {
    const before = upstream.seen.length;
    const answer = await sendJson(`${running.url}/v1/completions`, { model: 'm', ...more });
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toMatchObject({ code: 'invalid_request', param, type: 'invalid_request_error' });
    expect(upstream.seen).toHaveLength(before);
  });
});
