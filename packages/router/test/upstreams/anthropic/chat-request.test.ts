import { InvalidRequestError } from '@sotto/protocol';
import { describe, expect, test } from 'vitest';
import { readChatRequest } from '../../../src/upstreams/anthropic/chat-request.ts';
import { problemOf } from './messages-rules.ts';

const DEFAULT_MAX_TOKENS = 4_096;
const OLDER = '2023-06-01';
const NEWER = '2026-10-21';

/** What is sent for a request with these fields, which the API's own rules find nothing wrong with. */
function sent(fields: Record<string, unknown>, { stream = false, version = OLDER } = {}): Record<string, unknown> {
  const { message } = readChatRequest(encoded(fields), { stream, defaultMaxTokens: DEFAULT_MAX_TOKENS, version });
  const wire = JSON.parse(JSON.stringify(message)) as Record<string, unknown>;
  expect(problemOf(wire, version)).toBeNull();
  return wire;
}

function refusal(fields: Record<string, unknown>, version = OLDER): InvalidRequestError {
  try {
    readChatRequest(encoded(fields), { stream: false, defaultMaxTokens: DEFAULT_MAX_TOKENS, version });
  } catch (error) {
    if (InvalidRequestError.isInstance(error)) return error;
    throw error;
  }
  throw new Error('it was taken');
}

function encoded(fields: Record<string, unknown>): Uint8Array {
  const body = { model: 'claude', messages: [{ role: 'user', content: 'Hello' }], ...fields };
  return new TextEncoder().encode(JSON.stringify(body));
}

const text = (value: string) => ({ type: 'text', text: value });
const user = (content: unknown) => ({ role: 'user', content });
const call = (id: string, args: string, name = 'get_weather') => ({
  id,
  type: 'function',
  function: { name, arguments: args },
});

describe('a request is sent', () => {
  test('with what the API needs and nothing more', () => {
    expect(sent({})).toEqual({
      model: 'claude',
      max_tokens: DEFAULT_MAX_TOKENS,
      messages: [user([text('Hello')])],
    });
  });

  test('with its limits, sampling and accounting under the API’s names', () => {
    const fields = { max_tokens: 9, temperature: 0.5, top_p: 0.9, top_k: 40, stop: 'END', user: 'u1' };
    expect(sent(fields, { stream: true })).toEqual({
      model: 'claude',
      max_tokens: 9,
      messages: [user([text('Hello')])],
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      stop_sequences: ['END'],
      metadata: { user_id: 'u1' },
      stream: true,
    });
  });

  test('with the newer name of the limit before the older', () => {
    expect(sent({ max_tokens: 9, max_completion_tokens: 7 })).toMatchObject({ max_tokens: 7 });
  });

  test('without fields that ask for what is done unasked', () => {
    const fields = { temperature: 1, top_p: 1, top_k: -1, stop: [], n: 1, logprobs: false, presence_penalty: 0 };
    expect(sent({ ...fields, logit_bias: {}, seed: null, tools: [], tool_choice: 'auto' })).toEqual(sent({}));
  });

  test('without sampling to the version that has none, where it is the usual anyway', () => {
    const usual = { temperature: 1, top_p: 1, top_k: 0 };
    expect(sent(usual, { version: NEWER })).toEqual(sent({}));
  });

  test('without fields that neither API names', () => {
    expect(sent({ store: true, prompt_cache_key: 'k', cache_salt: 's', made_up: 1, stream: false })).toEqual(sent({}));
  });

  test('with the fields of the API’s own that change the answer or where it is made', () => {
    const own = { cache_control: { type: 'ephemeral' }, inference_geo: 'eu', thinking: { type: 'adaptive' } };
    expect(sent(own)).toMatchObject(own);
  });

  test.each([
    [{ metadata: { user_id: 'a' }, safety_identifier: 'b', user: 'c' }, 'a'],
    [{ safety_identifier: 'b', user: 'c' }, 'b'],
  ])('with one id of the user: %j', (fields, id) => {
    expect(sent(fields)).toMatchObject({ metadata: { user_id: id } });
  });
});

describe('a conversation', () => {
  test('has its system and developer messages taken out, wherever they stand', () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      user('Hello'),
      { role: 'developer', content: [{ ...text('Be kind.'), cache_control: { type: 'ephemeral', ttl: '1h' } }] },
      { role: 'assistant', content: 'Hi' },
      user('Bye'),
    ];
    expect(sent({ messages })).toMatchObject({
      system: [text('Be brief.'), { ...text('Be kind.'), cache_control: { type: 'ephemeral', ttl: '1h' } }],
      messages: [user([text('Hello')]), { role: 'assistant', content: [text('Hi')] }, user([text('Bye')])],
    });
  });

  test('has the messages of one side joined into one turn', () => {
    const messages = [user('a'), { ...user('b'), name: 'Bo' }, { role: 'assistant', content: 'c' }, user('d')];
    expect(sent({ messages })['messages']).toEqual([
      user([text('a'), text('b')]),
      { role: 'assistant', content: [text('c')] },
      user([text('d')]),
    ]);
  });

  test('loses its blank texts, which the API refuses', () => {
    const messages = [user([text(''), text('a'), text(' \n')]), { role: 'assistant', content: '' }, user('b')];
    expect(sent({ messages })['messages']).toEqual([user([text('a'), text('b')])]);
  });

  test('has the results of tools in one turn, in order, before what else the user says', () => {
    const messages = [
      user('Compare Paris and Rome'),
      {
        role: 'assistant',
        content: 'I look both up.',
        tool_calls: [call('call_1', '{"city":"Paris"}'), call('call_2', '{"city":"Rome"}')],
      },
      { role: 'system', content: 'Now.' },
      { role: 'tool', tool_call_id: 'call_1', content: '15 °C' },
      { role: 'tool', tool_call_id: 'call_2', content: [text('20 °C')] },
      user('Well?'),
    ];
    expect(sent({ messages, tools: [{ type: 'function', function: { name: 'get_weather' } }] })).toMatchObject({
      system: [text('Now.')],
      messages: [
        user([text('Compare Paris and Rome')]),
        {
          role: 'assistant',
          content: [
            text('I look both up.'),
            { type: 'tool_use', id: 'call_1', name: 'get_weather', input: { city: 'Paris' } },
            { type: 'tool_use', id: 'call_2', name: 'get_weather', input: { city: 'Rome' } },
          ],
        },
        user([
          { type: 'tool_result', tool_use_id: 'call_1', content: [text('15 °C')] },
          { type: 'tool_result', tool_use_id: 'call_2', content: [text('20 °C')] },
          text('Well?'),
        ]),
      ],
    });
  });

  test('keeps the API’s order where messages between call and result break it', () => {
    const messages = [
      user('a'),
      { role: 'assistant', content: null, tool_calls: [call('call_1', '')] },
      { role: 'assistant', content: 'Wait.' },
      user('I wait'),
      { role: 'tool', tool_call_id: 'call_1', content: '' },
    ];
    expect(sent({ messages })['messages']).toEqual([
      user([text('a')]),
      {
        role: 'assistant',
        content: [text('Wait.'), { type: 'tool_use', id: 'call_1', name: 'get_weather', input: {} }],
      },
      user([{ type: 'tool_result', tool_use_id: 'call_1' }, text('I wait')]),
    ]);
  });

  test('may hold calls whose ids another model server made up', () => {
    const messages = [
      user('a'),
      { role: 'assistant', tool_calls: [call('functions.get:0', '{}')] },
      { role: 'tool', tool_call_id: 'functions.get:0', content: 'b' },
    ];
    expect(JSON.stringify(sent({ messages }))).toContain('"tool_use_id":"functions_get_0"');
  });

  test('gives the model’s signed thoughts back before its calls', () => {
    const thoughts = [
      { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
      { type: 'redacted_thinking', data: 'ZGF0YQ' },
    ];
    const messages = [
      user('a'),
      { role: 'assistant', content: null, thinking_blocks: thoughts, tool_calls: [call('call_1', '{}')] },
      { role: 'tool', tool_call_id: 'call_1', content: 'b' },
    ];
    const [, assistant] = sent({ messages })['messages'] as { content: object[] }[];
    expect(assistant?.content).toMatchObject([...thoughts, { type: 'tool_use' }]);
  });
});

describe('parts', () => {
  test('of images go by URL and by their bytes', () => {
    const content = [
      text('What is this?'),
      { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
      {
        type: 'image_url',
        image_url: { url: 'data:image/PNG;base64,iVBORw0KGgo=' },
        cache_control: { type: 'ephemeral' },
      },
    ];
    expect(sent({ messages: [user(content)] })['messages']).toEqual([
      user([
        text('What is this?'),
        { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
        {
          type: 'image',
          source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' },
          cache_control: { type: 'ephemeral' },
        },
      ]),
    ]);
  });

  test('of files go as documents', () => {
    const file = { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' };
    expect(sent({ messages: [user([{ type: 'file', file }])] })['messages']).toEqual([
      user([
        {
          type: 'document',
          source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' },
          title: 'a.pdf',
        },
      ]),
    ]);
  });

  test.each([
    [
      'an image of another kind',
      { type: 'image_url', image_url: { url: 'data:image/bmp;base64,Qk0=' } },
      '.image_url.url',
    ],
    ['an image that is not base64', { type: 'image_url', image_url: { url: 'data:image/png,x' } }, '.image_url.url'],
    [
      'an image on the server’s disk',
      { type: 'image_url', image_url: { url: 'file:///etc/passwd' } },
      '.image_url.url',
    ],
    ['a file of another kind', { type: 'file', file: { file_data: 'data:text/html;base64,PGI+' } }, '.file.file_data'],
    ['a file by its id', { type: 'file', file: { file_id: 'file-1' } }, ''],
    ['sound', { type: 'input_audio', input_audio: { data: '', format: 'wav' } }, ''],
  ])('of %s are refused', (_what, part, at) => {
    expect(refusal({ messages: [user([text('a'), part])] }).param).toBe(`messages[0].content[1]${at}`);
  });

  test('other than text are refused in a system message', () => {
    const content = [text(''), { type: 'image_url', image_url: { url: 'https://example.com/a.png' } }];
    expect(refusal({ messages: [{ role: 'system', content }, user('a')] }).param).toBe('messages[0].content[1]');
  });
});

describe('tools', () => {
  const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
  const tools = [
    { type: 'function', function: { name: 'get_weather', description: 'Weather of a city', parameters, strict: true } },
    { type: 'function', function: { name: 'now', strict: false }, cache_control: { type: 'ephemeral' } },
  ];

  test('are described in the API’s way', () => {
    expect(sent({ tools })['tools']).toEqual([
      { name: 'get_weather', description: 'Weather of a city', input_schema: parameters, strict: true },
      { name: 'now', input_schema: { type: 'object', properties: {} }, cache_control: { type: 'ephemeral' } },
    ]);
  });

  test.each([
    [{ tool_choice: 'auto' }, { type: 'auto' }],
    [{ tool_choice: 'none', parallel_tool_calls: false }, { type: 'none' }],
    [{ tool_choice: 'required' }, { type: 'any' }],
    [{ tool_choice: { type: 'function', function: { name: 'now' } } }, { type: 'tool', name: 'now' }],
    [{ parallel_tool_calls: false }, { type: 'auto', disable_parallel_tool_use: true }],
    [
      { tool_choice: 'required', parallel_tool_calls: false },
      { type: 'any', disable_parallel_tool_use: true },
    ],
    [{ parallel_tool_calls: true }, undefined],
  ])('are chosen as %j says', (fields, choice) => {
    expect(sent({ tools, ...fields })['tool_choice']).toEqual(choice);
  });
});

describe('the answer’s form and its thought', () => {
  const schema = { type: 'object', properties: {}, additionalProperties: false };

  test.each([
    [{ response_format: { type: 'text' } }, {}],
    [
      { response_format: { type: 'json_schema', json_schema: { name: 'a', strict: true, schema } } },
      { output_config: { format: { type: 'json_schema', schema } } },
    ],
    [{ reasoning_effort: 'minimal' }, { output_config: { effort: 'low' } }],
    [{ reasoning_effort: 'xhigh' }, { output_config: { effort: 'xhigh' } }],
    [{ reasoning_effort: 'none' }, { thinking: { type: 'disabled' } }],
    [{ reasoning_effort: 'none', thinking: { type: 'adaptive' } }, { thinking: { type: 'adaptive' } }],
  ])('are asked for: %j', (fields, expected) => {
    expect(sent(fields)).toEqual({ ...sent({}), ...expected });
  });
});

describe('a request is refused, naming the field,', () => {
  const tools = [{ type: 'function', function: { name: 'a' } }];
  test.each([
    [{ n: 2 }, 'n'],
    [{ logprobs: true }, 'logprobs'],
    [{ top_logprobs: 3 }, 'top_logprobs'],
    [{ logit_bias: { 1: 5 } }, 'logit_bias'],
    [{ seed: 7 }, 'seed'],
    [{ presence_penalty: 0.1 }, 'presence_penalty'],
    [{ frequency_penalty: -1 }, 'frequency_penalty'],
    [{ min_p: 0.1 }, 'min_p'],
    [{ functions: [{ name: 'a' }] }, 'functions'],
    [{ function_call: 'auto' }, 'function_call'],
    [{ audio: { voice: 'a' } }, 'audio'],
    [{ modalities: ['text', 'audio'] }, 'modalities'],
    [{ web_search_options: { a: 1 } }, 'web_search_options'],
    [{ verbosity: 'low' }, 'verbosity'],
    [{ temperature: 1.2 }, 'temperature'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ response_format: { type: 'json_object' } }, 'response_format'],
    [{ response_format: { type: 'json_schema' } }, 'response_format'],
    [{ reasoning_effort: 'utmost' }, 'reasoning_effort'],
    [{ tool_choice: 'required' }, 'tool_choice'],
    [{ tools, tool_choice: { type: 'allowed_tools' } }, 'tool_choice'],
    [{ tools: [{ type: 'custom', custom: { name: 'a' } }] }, 'tools[0].type'],
    [{ messages: [] }, 'messages'],
    [{ messages: [{ role: 'system', content: 'a' }] }, 'messages'],
    [{ messages: [{ role: 'function', name: 'a', content: 'b' }] }, 'messages[0].role'],
    [{ messages: [user('a'), { role: 'tool', content: 'b' }] }, 'messages[1].tool_call_id'],
    [{ messages: [{ role: 'assistant', function_call: { name: 'a' } }] }, 'messages[0].function_call'],
    [{ messages: [user(7)] }, 'messages[0].content'],
    [{ messages: 'Hello' }, 'messages'],
  ])('%j', (fields, param) => {
    const error = refusal(fields);
    expect(error.code).toBe('invalid_request');
    expect(error.param).toBe(param);
  });

  test.each([
    [{ temperature: 0 }, 'temperature'],
    [{ temperature: 1, top_p: 0.9 }, 'top_p'],
    [{ top_k: 5 }, 'top_k'],
  ])('where the API’s version has no sampling: %j', (fields, param) => {
    expect(refusal(fields, NEWER).param).toBe(param);
  });

  test.each(['{"city":', '[1]', '"text"', 'null'])('where a call’s arguments are %s', (args) => {
    const messages = [user('a'), { role: 'assistant', tool_calls: [call('call_1', '{}'), call('call_2', args)] }];
    const error = refusal({ messages });
    expect(error.param).toBe('messages[1].tool_calls[1].function.arguments');
    expect(error.message).not.toContain('city');
  });

  test('where there are more messages, parts or tools than are checked in bearable time', () => {
    const parts = (count: number) => Array.from({ length: count }, () => text('a'));
    expect(sent({ messages: [user(parts(19_999))] })['messages']).toHaveLength(1);
    expect(refusal({ messages: [user(parts(20_000))] }).param).toBe('messages');
    expect(refusal({ messages: parts(20_001).map(() => user('a')) }).param).toBe('messages');
    expect(refusal({ tools: parts(1_025) }).param).toBe('tools');
  });

  test('where it is not JSON', () => {
    expect(() =>
      readChatRequest(new TextEncoder().encode('{'), { stream: false, defaultMaxTokens: 1, version: OLDER }),
    ).toThrow(expect.objectContaining({ code: 'invalid_json' }));
  });
});
