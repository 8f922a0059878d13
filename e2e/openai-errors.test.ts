import OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { completionEvents, json } from '../packages/router/test/stand-in-upstream.ts';
import { capableModel } from './model-server.ts';
import { openaiBy, WAYS, type Way } from './openai-ways.ts';
import { API_KEY, type SealedRouter, startSealedRouter } from './sealed-router.ts';

const QUESTION = { model: 'm', messages: [{ role: 'user' as const, content: 'hello' }] };
const ONE_MODEL = 'sotto_one_model';
let sealed: SealedRouter;

beforeAll(async () => {
  sealed = await startSealedRouter({
    keys: [
      { name: 'e2e', key: API_KEY },
      { name: 'one-model', key: ONE_MODEL, models: ['other'] },
      ...WAYS.map((way) => ({ name: onceAMinute(way), key: onceAMinute(way), limits: { requestsPerMinute: 1 } })),
      ...WAYS.map((way) => ({ name: poor(way), key: poor(way), budget: { usd: 0, period: 'month' as const } })),
    ],
    models: { m: { price: { inputPerMillion: 1, outputPerMillion: 1 } } },
  });
  sealed.upstream.behave(capableModel(['m']));
});
afterEach(() => sealed.upstream.behave(capableModel(['m'])));
afterAll(() => sealed.close());

/** A key that is let in once a minute. */
function onceAMinute(way: Way): string {
  return `sotto_once_${WAYS.indexOf(way)}`;
}

/** A key whose budget is spent. */
function poor(way: Way): string {
  return `sotto_poor_${WAYS.indexOf(way)}`;
}

async function failureOf(answer: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  const failure = await answer.then(
    () => new Error('it was answered'),
    (error: unknown) => error,
  );
  if (failure instanceof OpenAI.APIError) return failure;
  throw failure;
}

describe.each(WAYS)('errors by the openai SDK, %s', (way) => {
  const by = (apiKey = API_KEY): OpenAI => openaiBy(way, sealed.url, { apiKey });
  const ask = (openai: OpenAI, more: object = {}): Promise<unknown> =>
    openai.chat.completions.create({ ...QUESTION, ...more });

  test('a wrong key is an AuthenticationError', async () => {
    const failure = await failureOf(ask(by('sotto_wrong')));
    expect(failure).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(failure).toMatchObject({ status: 401, code: 'invalid_api_key', type: 'authentication_error' });
    expect(failure.requestID).toMatch(/^\S+$/);
    expect(failure.message).not.toContain('sotto_wrong');
  });

  test('a model that the key does not allow is a PermissionDeniedError, and is not listed', async () => {
    const failure = await failureOf(ask(by(ONE_MODEL)));
    expect(failure).toBeInstanceOf(OpenAI.PermissionDeniedError);
    expect(failure).toMatchObject({ status: 403, code: 'model_not_allowed', param: 'model' });
    expect((await by(ONE_MODEL).models.list()).data).toEqual([]);
  });

  test('an unknown model is a NotFoundError, for chat, texts and embeddings alike', async () => {
    const openai = by();
    const model = 'nowhere';
    for (const answer of [
      ask(openai, { model }),
      openai.completions.create({ model, prompt: 'a' }),
      openai.embeddings.create({ model, input: 'a' }),
    ]) {
      const failure = await failureOf(answer);
      expect(failure).toBeInstanceOf(OpenAI.NotFoundError);
      expect(failure).toMatchObject({ code: 'model_not_found', param: 'model' });
    }
  });

  test('a route of the API that is not here is a NotFoundError', async () => {
    const failure = await failureOf(by().audio.speech.create({ model: 'm', input: 'a', voice: 'alloy' }));
    expect(failure).toBeInstanceOf(OpenAI.NotFoundError);
    expect(failure.code).toBe('not_found');
  });

  test.each([
    ['messages', { messages: [] }],
    ['messages[0].role', { messages: [{ content: 'a' }] }],
    ['stream', { stream: 'yes' }],
    ['security_tier', { security_tier: 'utmost' }, 'invalid_security_tier'],
    ['model', { model: '' }],
  ])('a bad %s is a BadRequestError that names it', async (param, more, code = 'invalid_request') => {
    const failure = await failureOf(ask(by(), more));
    expect(failure).toBeInstanceOf(OpenAI.BadRequestError);
    expect(failure).toMatchObject({ status: 400, code, param });
  });

  test('a second request within the minute is a RateLimitError that says how long to wait', async () => {
    const openai = by(onceAMinute(way));
    const { response } = await openai.chat.completions.create(QUESTION).withResponse();
    expect(response.headers.get('x-ratelimit-remaining-requests')).toBe('0');
    expect(response.headers.get('X-RateLimit-Limit')).toBe('1');
    const failure = await failureOf(ask(openai));
    expect(failure).toBeInstanceOf(OpenAI.RateLimitError);
    expect(failure).toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
    const seconds = Number(failure.headers?.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(Number(failure.headers?.get('retry-after-ms'))).toBeLessThanOrEqual(60_000);
  });

  test('a spent budget is a 402, and no model server hears of the request', async () => {
    const before = sealed.upstream.seen.length;
    expect(await failureOf(ask(by(poor(way))))).toMatchObject({ status: 402, code: 'budget_exceeded' });
    expect(sealed.upstream.seen.length).toBe(before);
  });

  test('what the model server refuses comes with its own status, and none of its text', async () => {
    sealed.upstream.behave(json({ error: { message: 'CANARY internal detail', param: 'top_k' } }, 500));
    const failure = await failureOf(ask(by()));
    expect(failure).toBeInstanceOf(OpenAI.InternalServerError);
    expect(failure.message).not.toContain('CANARY');
  });

  test.each(['chat', 'texts'])('a stream of %s that breaks off is an APIError after what came', async (what) => {
    const first =
      what === 'chat'
        ? completionEvents(['first'])[0]
        : 'data: {"id":"c","object":"text_completion","created":1,"model":"m","choices":[{"index":0,"text":"first","finish_reason":null}]}\n\n';
    sealed.upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(first, () => response.destroy());
    });
    const words: string[] = [];
    const read = async (): Promise<void> => {
      const openai = by();
      if (what === 'chat') {
        for await (const { choices } of await openai.chat.completions.create({ ...QUESTION, stream: true })) {
          words.push(choices[0]?.delta.content ?? '');
        }
        return;
      }
      for await (const { choices } of await openai.completions.create({ model: 'm', prompt: 'a', stream: true })) {
        words.push(choices[0]?.text ?? '');
      }
    };
    expect(await failureOf(read())).toMatchObject({ code: 'upstream_failed' });
    expect(words).toEqual(['first']);
  });
});
