import OpenAI, {
  APIConnectionError,
  APIUserAbortError,
  AuthenticationError,
  NotFoundError,
  PermissionDeniedError,
} from 'openai';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { secureOpenAIOptions } from '../../src/node/openai.ts';
import { chunkEvent, events, json } from '../ohttp/stand-in-gateway.ts';
import { completionOf } from '../stand-in-router.ts';
import { type LoopbackRouter, startRouter } from './loopback-router.ts';

const REQUEST = { model: 'canary-model', messages: [{ role: 'user' as const, content: 'canary-prompt' }] };
const DONE = 'data: [DONE]\n\n';

let router: LoopbackRouter;

beforeEach(async () => {
  router = await startRouter();
});

afterEach(() => router.close());

function openai(options: { maxRetries?: number } = {}): OpenAI {
  return new OpenAI({
    ...secureOpenAIOptions({ routerUrl: router.url, apiKey: 'canary-key', allowHttp: true }),
    ...options,
  });
}

describe('the official SDK', () => {
  test('asks and gets an answer, and the wire shows nothing of it', async () => {
    router.gateway.answer = () => json(completionOf('canary-answer'));
    const answer = await openai().chat.completions.create(REQUEST);
    expect(answer.choices[0]?.message.content).toBe('canary-answer');
    const [request] = router.gateway.opened;
    expect(request?.path).toBe('/v1/chat/completions');
    expect(request?.headers.get('authorization')).toBe('Bearer canary-key');
    expect(request?.headers.has('x-stainless-lang')).toBe(true);
    expect(router.wire()).not.toMatch(/canary|stainless|openai|chat\/completions/i);
  });

  test('streams', async () => {
    router.gateway.answer = () => events(chunkEvent('Hel'), chunkEvent('lo', 'stop'), DONE);
    let text = '';
    for await (const chunk of await openai().chat.completions.create({ ...REQUEST, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? '';
    }
    expect(text).toBe('Hello');
  });

  test('calls tools', async () => {
    const call = { id: 'c', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } };
    const first = completionOf('');
    router.gateway.answer = ({ text }) =>
      text.includes('"role":"tool"')
        ? json(completionOf('rain'))
        : json({
            ...first,
            choices: [
              {
                index: 0,
                message: { role: 'assistant', content: null, tool_calls: [call] },
                finish_reason: 'tool_calls',
              },
            ],
          });
    const runner = openai().chat.completions.runTools({
      ...REQUEST,
      tools: [
        {
          type: 'function',
          function: {
            name: 'weather',
            parameters: { type: 'object' },
            description: '',
            parse: JSON.parse,
            function: () => 'wet',
          },
        },
      ],
    });
    await expect(runner.finalContent()).resolves.toBe('rain');
    expect(router.gateway.opened).toHaveLength(2);
  });

  test('asks for embeddings and lists models', async () => {
    router.gateway.answer = ({ path }) =>
      path === '/v1/models'
        ? json({ object: 'list', data: [{ id: 'm', object: 'model', created: 1, owned_by: 'o' }] })
        : json({ object: 'list', model: 'm', data: [{ object: 'embedding', index: 0, embedding: [0.5] }], usage: {} });
    const models: string[] = [];
    for await (const model of openai().models.list()) models.push(model.id);
    expect(models).toEqual(['m']);
    const { data } = await openai().embeddings.create({ model: 'm', input: 'x', encoding_format: 'float' });
    expect(data[0]?.embedding).toEqual([0.5]);
  });

  test('uploads a file', async () => {
    router.gateway.answer = () => json({ id: 'file-1', object: 'file' });
    const file = new File(['canary-line\n'], 'batch.jsonl');
    await expect(openai().files.create({ file, purpose: 'batch' })).resolves.toMatchObject({ id: 'file-1' });
    expect(router.gateway.opened[0]?.headers.get('content-type')).toMatch(/^multipart\/form-data; boundary=/);
    expect(router.gateway.opened[0]?.text).toContain('canary-line');
    expect(router.wire()).not.toContain('canary');
  });

  test('makes its own error classes of the router errors', async () => {
    router.gateway.answer = () => json({ error: { message: 'no', code: 'invalid_api_key' } }, 401);
    await expect(openai().models.list()).rejects.toBeInstanceOf(AuthenticationError);
    router.gateway.answer = () => json({ error: { message: 'no', code: 'model_not_found' } }, 404);
    const missing = await openai()
      .models.retrieve('a/b')
      .catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(NotFoundError);
    expect(missing).toMatchObject({ code: 'model_not_found' });
    expect(router.gateway.opened.at(-1)?.path).toBe('/v1/models/a%2Fb');
  });

  test('tries again what may pass, each time sealed anew', async () => {
    let left = 2;
    const busy = { ...json({ error: { message: 'busy' } }, 503), headers: [['retry-after-ms', '1']] as const };
    router.gateway.answer = () => (left-- > 0 ? busy : json(completionOf('at last')));
    const answer = await openai().chat.completions.create(REQUEST);
    expect(answer.choices[0]?.message.content).toBe('at last');
    expect(new Set(router.gateway.opened.map(({ enc }) => enc)).size).toBe(3);
  });

  test('does not try a broken promise of the protocol again', async () => {
    const handle = router.gateway.handle.bind(router.gateway);
    let posts = 0;
    router.gateway.handle = async (method, path, body) => {
      if (method === 'GET') return handle(method, path, body);
      posts++;
      return Response.json(completionOf('forged'));
    };
    const error = await openai()
      .chat.completions.create(REQUEST)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PermissionDeniedError);
    expect(error).toMatchObject({ status: 403, code: 'response_not_sealed' });
    expect(posts).toBe(1);
  });

  test('sees an upstream that was killed as an error, never as a finished answer', async () => {
    router.gateway.answer = () => ({
      status: 200,
      headers: [['content-type', 'text/event-stream']],
      pieces: (async function* () {
        yield chunkEvent('Hel');
        await new Promise(() => undefined);
      })(),
    });
    let text = '';
    const read = async (): Promise<void> => {
      for await (const chunk of await openai().chat.completions.create({ ...REQUEST, stream: true })) {
        text += chunk.choices[0]?.delta.content ?? '';
        router.cut();
      }
    };
    await expect(read()).rejects.toMatchObject({ name: 'SecurityError', code: 'response_truncated' });
    expect(text).toBe('Hel');
  });

  test.each([
    ['closed cleanly without its final chunk', [chunkEvent('Hel')], 'no-final-chunk'],
    ['closed cleanly without its final chunk, after [DONE]', [chunkEvent('Hel'), `: more\n\n`], 'no-final-chunk'],
  ] as const)('sees a stream that is %s as an error', async (_, pieces, fault) => {
    router.gateway.answer = () => events(...pieces);
    router.gateway.fault = fault;
    const read = async (): Promise<void> => {
      for await (const _chunk of await openai().chat.completions.create({ ...REQUEST, stream: true }));
    };
    await expect(read()).rejects.toMatchObject({ code: 'response_truncated' });
  });

  test('an upstream error inside the stream is thrown', async () => {
    router.gateway.answer = () =>
      events(chunkEvent('Hel'), 'data: {"error":{"message":"broke off","code":"upstream_failed"}}\n\n');
    const read = async (): Promise<void> => {
      for await (const _ of await openai().chat.completions.create({ ...REQUEST, stream: true }));
    };
    await expect(read()).rejects.toMatchObject({ code: 'upstream_failed' });
  });

  test('aborts', async () => {
    router.gateway.answer = () => new Promise<never>(() => undefined);
    const controller = new AbortController();
    const asked = openai().chat.completions.create(REQUEST, { signal: controller.signal });
    const rejected = expect(asked).rejects.toBeInstanceOf(APIUserAbortError);
    setImmediate(() => controller.abort());
    await rejected;
  });

  test('a stream that is left ends the exchange', async () => {
    router.gateway.answer = () => ({
      status: 200,
      headers: [['content-type', 'text/event-stream']],
      pieces: (async function* () {
        for (;;) yield chunkEvent('x'.repeat(16_000));
      })(),
    });
    for await (const _ of await openai().chat.completions.create({ ...REQUEST, stream: true })) break;
    await expect.poll(() => router.gateway.cancelled).toBe(true);
  });

  test('a router that is gone is a connection error', async () => {
    await router.close();
    await expect(openai({ maxRetries: 0 }).models.list()).rejects.toBeInstanceOf(APIConnectionError);
    router = await startRouter();
  });
});
