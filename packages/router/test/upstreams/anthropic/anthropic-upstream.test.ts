import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CollectingSink } from '../../../src/http/collecting-sink.ts';
import {
  AnthropicUpstream,
  type AnthropicUpstreamOptions,
} from '../../../src/upstreams/anthropic/anthropic-upstream.ts';
import { forward } from '../../../src/upstreams/forward.ts';
import type { UpstreamListener } from '../../../src/upstreams/upstream.ts';
import { eventually } from '../../eventually.ts';
import { startRawUpstream } from '../../raw-upstream.ts';
import { json, type StandInUpstream } from '../../stand-in-upstream.ts';
import {
  API_KEY,
  apiFailure,
  blockEvents,
  eventOf,
  message,
  messageEvents,
  startMessagesStandIn,
  streamed,
  textEvents,
} from './messages-stand-in.ts';

const CREATED = 1_700_000_000;
let standIn: StandInUpstream;
let upstream: AnthropicUpstream;
beforeAll(async () => {
  standIn = await startMessagesStandIn();
  upstream = upstreamAt(standIn.baseUrl);
});
beforeEach(() => standIn.behave(streamed(messageEvents([textEvents(0, ['a', ' b'])]))));
afterAll(async () => {
  await upstream.close();
  await standIn.close();
});

function upstreamAt(baseUrl: string, options: Partial<AnthropicUpstreamOptions> = {}): AnthropicUpstream {
  return new AnthropicUpstream({
    name: 'claude',
    tier: 'standard',
    baseUrl,
    apiKey: API_KEY,
    sameTee: false,
    maxConcurrent: 8,
    connectTimeoutMs: 1_000,
    firstByteTimeoutMs: 5_000,
    idleTimeoutMs: 5_000,
    defaultMaxTokens: 4_096,
    version: '2023-06-01',
    beta: [],
    now: () => CREATED * 1_000,
    ...options,
  });
}

interface Asked extends Record<string, unknown> {
  readonly stream?: boolean;
}

/** Asks the first of `upstreams` that can answer, as the router would. */
async function ask(fields: Asked = {}, upstreams: readonly AnthropicUpstream[] = [upstream]) {
  const sink = new CollectingSink();
  const request = { model: 'm', messages: [{ role: 'user', content: 'Hello' }], ...fields };
  await forward(sink, {
    candidates: upstreams.map((each) => ({ upstream: each, model: 'm', closedForMs: 0 })),
    path: '/chat/completions',
    tier: 'standard',
    body: () => new TextEncoder().encode(JSON.stringify(request)),
    stream: fields.stream ?? false,
    hidesUsage: false,
    maxAnswerBytes: 1_000_000,
    answerHeaders: () => ({}),
  });
  const answer = await sink.answer;
  return { ...answer, text: new TextDecoder().decode(answer.body) };
}

describe('an answer', () => {
  test('in one piece is a chat completion', async () => {
    standIn.behave(json(message([{ type: 'text', text: 'Hello world' }])));
    const answer = await ask();
    expect(JSON.parse(answer.text)).toMatchObject({
      object: 'chat.completion',
      created: CREATED,
      choices: [{ message: { content: 'Hello world' }, finish_reason: 'stop' }],
    });
  });

  test('in a stream ends as OpenAI’s do', async () => {
    const answer = await ask({ stream: true, stream_options: { include_usage: true } });
    expect(answer.complete).toBe(true);
    expect(answer.headers['content-type']).toContain('text/event-stream');
    const events = answer.text.split('\n\n').map((event) => event.replace(/^data: /, ''));
    expect(events.slice(-2)).toEqual(['[DONE]', '']);
    expect(JSON.parse(events.at(-3) ?? '')).toMatchObject({ choices: [], usage: { completion_tokens: 5 } });
    expect(JSON.parse(events.at(-4) ?? '')).toMatchObject({ choices: [{ finish_reason: 'stop' }] });
  });

  test('comes to nothing of its own until the API speaks, and then at once', async () => {
    const seen: string[] = [];
    const call = upstream.start(chatRequest(true), recording(seen));
    expect(seen).toEqual([]);
    await eventually('the end', () => seen.at(-1) === 'end');
    expect(seen[0]).toBe('head 200');
    call.cancel();
  });
});

describe('the API is asked', () => {
  test('with its key, version and betas, and never with the caller’s headers', async () => {
    const newer = upstreamAt(standIn.baseUrl, { version: '2026-10-21', beta: ['a-1', 'b-2'] });
    await ask({ stream: true }, [newer]);
    const { headers, path } = standIn.seen.at(-1) ?? {};
    expect(path).toBe('/v1/messages');
    expect(headers).toMatchObject({
      'x-api-key': API_KEY,
      'anthropic-version': '2026-10-21',
      'anthropic-beta': 'a-1,b-2',
    });
    expect(headers).not.toHaveProperty('authorization');
    await newer.close();
  });

  test('not at all where a request cannot be had', async () => {
    const asked = standIn.seen.length;
    await expect(ask({ n: 2 })).rejects.toMatchObject({ status: 400, code: 'invalid_request', param: 'n' });
    expect(standIn.seen).toHaveLength(asked);
  });

  test.each(['/completions', '/embeddings'])('not at all for %s', async (path) => {
    const seen: string[] = [];
    upstream.start({ ...chatRequest(false), path }, recording(seen));
    expect(seen).toEqual([]);
    await eventually('the end', () => seen.at(-1) === 'end');
    expect(seen[0]).toBe('head 404');
    expect(seen[1]).toContain('"code":"not_found"');
  });

  test('not at all once the call is cancelled', async () => {
    const asked = standIn.seen.length;
    const seen: string[] = [];
    upstream.start({ ...chatRequest(false), path: '/embeddings' }, recording(seen)).cancel();
    upstream.start(chatRequest(true), recording(seen)).cancel();
    upstream.start({ method: 'GET', path: '/models', body: null, stream: false }, recording(seen)).cancel();
    await ask({ stream: true });
    expect(standIn.seen).toHaveLength(asked + 1);
    expect(seen).toEqual([]);
  });
});

test('a call of a tool goes there and back, signed thoughts and all', async () => {
  const tools = [{ type: 'function', function: { name: 'get_weather', parameters: { properties: {} } } }];
  const thought = { type: 'thinking', thinking: 'hm', signature: 'c2ln' };
  standIn.behave(
    json(
      message([thought, { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { city: 'Paris' } }], {
        stop_reason: 'tool_use',
      }),
    ),
  );
  const question = { role: 'user', content: 'Weather in Paris?' };
  const first = JSON.parse((await ask({ tools, messages: [question] })).text) as {
    choices: [{ message: { tool_calls: [{ id: string }] } }];
  };
  const [choice] = first.choices;
  standIn.behave(json(message([{ type: 'text', text: '15 °C' }])));
  const result = { role: 'tool', tool_call_id: choice.message.tool_calls[0].id, content: '15 °C' };
  const second = await ask({ tools, messages: [question, choice.message, result] });
  expect(second.text).toContain('"content":"15 °C"');
  expect(standIn.seen.at(-1)?.body['messages']).toEqual([
    { role: 'user', content: [{ type: 'text', text: 'Weather in Paris?' }] },
    {
      role: 'assistant',
      content: [thought, { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { city: 'Paris' } }],
    },
    {
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: [{ type: 'text', text: '15 °C' }] }],
    },
  ]);
});

describe('another upstream answers', () => {
  test.each([
    ['is overloaded', apiFailure(529, 'overloaded_error', 'Overloaded')],
    ['has no credit', apiFailure(400, 'invalid_request_error', 'Your credit balance is too low')],
    ['breaks off before its first event', streamed([])],
    ['begins with an error', streamed([eventOf('error', { error: { type: 'overloaded_error', message: 'x' } })])],
    [
      'fails in the bytes it begins with',
      streamed([...messageEvents([]).slice(0, 1), eventOf('error', { error: { type: 'api_error', message: 'x' } })]),
    ],
    ['answers in one piece', json(message([]))],
  ])('where the first %s', async (_how, behaviour) => {
    const other = await startMessagesStandIn();
    const second = upstreamAt(other.baseUrl);
    standIn.behave(behaviour);
    const answer = await ask({ stream: true }, [upstream, second]);
    expect(answer.text).toContain('Hello');
    expect(answer.complete).toBe(true);
    await second.close();
    await other.close();
  });
});

describe('half a stream never looks whole', () => {
  const half = messageEvents([textEvents(0, ['half'])]).slice(0, 4);
  const last = async (text: string) => {
    const answer = await ask({ stream: true });
    expect(answer.complete).toBe(false);
    expect(answer.text).toContain('half');
    expect(answer.text).not.toContain('[DONE]');
    expect(answer.text).toContain(text);
    return answer.text;
  };

  test('where the API ends it early', async () => {
    standIn.behave(streamed(half));
    await last('"code":"upstream_failed"');
  });

  test('where the API cuts it', async () => {
    standIn.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(half.join(''), () => response.destroy());
    });
    await last('"code":"upstream_failed"');
  });

  test('where an error comes in its middle, whose words stay here', async () => {
    standIn.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(half.join(''));
      setImmediate(() => response.end(eventOf('error', { error: { type: 'overloaded_error', message: 'raw words' } })));
    });
    expect(await last('')).not.toContain('raw words');
  });

  test('where it falls silent', async () => {
    const raw = await startRawUpstream((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${half.join('')}`);
    });
    const impatient = upstreamAt(raw.baseUrl, { idleTimeoutMs: 50 });
    const answer = await ask({ stream: true }, [impatient]);
    expect(answer.text).toContain('"code":"upstream_timeout"');
    await impatient.close();
  });
});

describe('a call under way', () => {
  test('ends at the API too when it is cancelled', async () => {
    let closed = false;
    standIn.behave((_request, response) => {
      response.on('close', () => (closed = true));
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(messageEvents([])[0]);
    });
    const seen: string[] = [];
    const call = upstream.start(chatRequest(true), recording(seen));
    await eventually('the head', () => seen[0] === 'head 200');
    const told = seen.length;
    call.cancel();
    await eventually('the API sees it', () => closed);
    expect(seen).toHaveLength(told);
  });

  test('waits for a slow reader', async () => {
    let written = 0;
    let stopped = false;
    const piece = textEvents(0, ['x'.repeat(10_000)])[1] ?? '';
    const [start = '', open = ''] = messageEvents([textEvents(0, [])]);
    const raw = await startRawUpstream((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${start}${open}`);
      const more = (): void => {
        while (!stopped && socket.writable) {
          written += piece.length;
          if (!socket.write(piece)) {
            socket.once('drain', more);
            return;
          }
        }
      };
      more();
    });
    const other = upstreamAt(raw.baseUrl, { idleTimeoutMs: 60_000 });
    let received = 0;
    const call = other.start(chatRequest(true), {
      ...recording([]),
      onData: (chunk) => {
        received += chunk.length;
        call.pause();
      },
    });
    let before = -1;
    await eventually('the writer’s stop', () => {
      const still = written === before && received > 0;
      before = written;
      return still;
    });
    const held = received;
    call.resume();
    await eventually('more', () => received > held);
    stopped = true;
    call.cancel();
    await other.close();
  });
});

describe('the models', () => {
  const list = async (): Promise<readonly string[]> => {
    const seen: string[] = [];
    upstream.start({ method: 'GET', path: '/models', body: null, stream: false }, recording(seen));
    await eventually('the list', () => seen.at(-1) === 'end' || seen.at(-1)?.startsWith('error') === true);
    return seen;
  };

  test('are listed in OpenAI’s form, page after page', async () => {
    const pages: Readonly<Record<string, object>> = {
      '/v1/models?limit=1000': {
        data: [{ type: 'model', id: 'claude-a', created_at: '2025-01-02T03:04:05Z' }],
        has_more: true,
        last_id: 'claude/a',
      },
      '/v1/models?limit=1000&after_id=claude%2Fa': { data: [{ type: 'model', id: 'claude-b' }], has_more: false },
    };
    standIn.behave((request, response) => json(pages[request.path])(request, response));
    const [head, body = ''] = await list();
    expect(head).toBe('head 200');
    expect(JSON.parse(body)).toEqual({
      object: 'list',
      data: [
        { id: 'claude-a', object: 'model', created: 1_735_787_045, owned_by: 'anthropic' },
        { id: 'claude-b', object: 'model', created: 0, owned_by: 'anthropic' },
      ],
    });
    expect(standIn.seen.at(-1)?.headers['x-api-key']).toBe(API_KEY);
  });

  test('are asked for ten times at most', async () => {
    const asked = standIn.seen.length;
    standIn.behave(json({ data: [{ id: 'claude-a' }], has_more: true, last_id: 'claude-a' }));
    expect((await list())[0]).toBe('head 200');
    expect(standIn.seen).toHaveLength(asked + 10);
  });

  test.each([
    ['refuses', apiFailure(500, 'api_error', 'x'), 'head 500'],
    ['answers something else', json({ models: [] }), 'error upstream_invalid_response'],
    ['answers at too great length', json({ data: [], more: 'x'.repeat(5_000_000) }), 'error upstream_invalid_response'],
  ])('are not told where the API %s', async (_how, behaviour, first) => {
    standIn.behave(behaviour);
    expect((await list())[0]).toBe(first);
  });
});

describe('an answer nested too deeply', () => {
  const block = { type: 'tool_use', id: 'toolu_1', name: 'dig', input: 'DEEP' };
  const deep = (text: string) => text.replace('"DEEP"', '['.repeat(100_000) + ']'.repeat(100_000));

  test('in one piece is refused', async () => {
    standIn.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(deep(JSON.stringify(message([block]))));
    });
    await expect(ask()).rejects.toMatchObject({ code: 'upstream_invalid_response' });
  });

  test('in a stream is broken off', async () => {
    standIn.behave(streamed([deep(messageEvents([blockEvents(0, block, [])]).join(''))]));
    const outcome = await ask({ stream: true }).catch((error: unknown) => ({ complete: false, text: String(error) }));
    expect(outcome.complete).toBe(false);
    expect(outcome.text).toContain('cannot be read');
  });
});

test('an answer at too great length is broken off', async () => {
  standIn.behave(json(message([{ type: 'text', text: 'x'.repeat(17_000_000) }])));
  await expect(ask()).rejects.toMatchObject({ code: 'upstream_invalid_response' });
});

function chatRequest(stream: boolean) {
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Hello' }] });
  return { method: 'POST', path: '/chat/completions', body: new TextEncoder().encode(body), stream } as const;
}

/** A listener that writes down what it is told. */
function recording(seen: string[]): UpstreamListener {
  return {
    onHead: (status) => void seen.push(`head ${status}`),
    onData: (chunk) => void seen.push(new TextDecoder().decode(chunk)),
    onEnd: () => void seen.push('end'),
    onError: (error) => void seen.push(`error ${error.code}`),
  };
}
