import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { errorOf, send, sendJson } from '../http-client.ts';
import { chat, startRouter, upstreamsAt } from '../running-router.ts';
import { completion, json, type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

let first: StandInUpstream;
let second: StandInUpstream;
beforeAll(async () => {
  [first, second] = await Promise.all([startStandIn(), startStandIn()]);
});
beforeEach(() => {
  first.behave(json(completion('first')));
  second.behave(json(completion('second')));
});
afterAll(() => Promise.all([first.close(), second.close()]));

const router = () =>
  startRouter({
    upstreams: [
      { name: 'first', baseUrl: first.baseUrl, models: ['m', 'org/x'] },
      { name: 'second', baseUrl: second.baseUrl, models: ['m', 'n'] },
    ],
    aliases: { both: ['n', 'org/x'], exact: ['second/m'], loop: ['loop'], dead: ['nowhere'] },
  });

const ask = async (url: string, model: string) => sendJson(`${url}/v1/chat/completions`, chat('x', { model }));

describe('a model', () => {
  test('named with its upstream in front is asked of that one alone, under its own name', async () => {
    const { url } = await router();
    const asked = first.seen.length;
    expect((await ask(url, 'second/m')).text).toContain('second');
    expect(second.seen.at(-1)?.body['model']).toBe('m');
    second.behave(json({}, 500));
    expect((await ask(url, 'second/m')).status).toBe(502);
    expect(first.seen).toHaveLength(asked);
  });

  test('whose own name holds a slash is not taken for an upstream’s', async () => {
    const { url } = await router();
    expect((await ask(url, 'org/x')).text).toContain('first');
    expect(first.seen.at(-1)?.body['model']).toBe('org/x');
  });

  test('that its upstream does not offer is not found there', async () => {
    const { url } = await router();
    for (const model of ['first/n', 'third/m', '/m', 'first/', 'first']) {
      expect(errorOf(await ask(url, model)).code, model).toBe('model_not_found');
    }
  });
});

describe('an alias', () => {
  test('is tried target by target, each under its own name', async () => {
    const { url } = await router();
    expect((await ask(url, 'both')).text).toContain('second');
    expect(second.seen.at(-1)?.body['model']).toBe('n');
    second.behave(json({}, 503));
    expect((await ask(url, 'both')).text).toContain('first');
    expect(first.seen.at(-1)?.body['model']).toBe('org/x');
  });

  test('may name an upstream', async () => {
    const { url } = await router();
    expect((await ask(url, 'exact')).text).toContain('second');
  });

  test('of itself or of nothing is a model nobody has', async () => {
    const { url } = await router();
    for (const model of ['loop', 'dead']) expect(errorOf(await ask(url, model)).code).toBe('model_not_found');
  });
});

describe('an alias of what nobody offers', () => {
  test('is not among the models, and its error does not name it', async () => {
    const running = await startRouter({
      upstreams: upstreamsAt(first.baseUrl),
      aliases: { loop: ['loop'], nowhere: ['gone'], good: ['m'] },
    });
    const listed = (await send(`${running.url}/v1/models`)).json()['data'] as { id: string }[];
    expect(listed.map(({ id }) => id)).toEqual(['good', 'm']);
    const answer = await sendJson(`${running.url}/v1/chat/completions`, chat('x', { model: 'loop' }));
    expect(errorOf(answer).code).toBe('model_not_found');
    expect(errorOf(answer).message).toMatch(/: good, m$/);
  });
});
