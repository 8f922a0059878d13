import { describe, expect, test } from 'vitest';
import { EventReader } from '../../../src/http/event-reader.ts';
import { ChatStream } from '../../../src/upstreams/anthropic/chat-stream.ts';
import { blockEvents, eventOf, message, messageEvents, textEvents } from './messages-stand-in.ts';

const CREATED = 1_700_000_000;
const SHARED = { id: 'msg_01', object: 'chat.completion.chunk', created: CREATED, model: 'claude-stand-in-1' };

interface Chunk {
  readonly choices: readonly { readonly delta: object; readonly finish_reason: string | null }[];
  readonly usage?: unknown;
}

/** The chunks that a stream of events becomes, whose bytes come `size` at a time. */
function translate(events: readonly string[], { size = 1_000_000, includeUsage = false } = {}): readonly Chunk[] {
  const reader = new EventReader(1_048_576);
  const chat = new ChatStream(CREATED, includeUsage);
  const bytes = new TextEncoder().encode(events.join(''));
  let text = '';
  for (let at = 0; at < bytes.length; at += size) {
    for (const data of reader.read(bytes.subarray(at, at + size))) text += chat.translate(data);
  }
  expect(chat.isFinished).toBe(true);
  const lines = text.split('\n\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) => JSON.parse(line.replace(/^data: /, '')) as Chunk);
}

/** What the chunks add, and how the last one ends. */
function deltas(events: readonly string[], options = {}): readonly unknown[] {
  return translate(events, options).map(({ choices }) => choices[0]?.finish_reason ?? choices[0]?.delta);
}

const thought = blockEvents(0, { type: 'thinking', thinking: '', signature: '' }, [
  { type: 'thinking_delta', thinking: 'h' },
  { type: 'thinking_delta', thinking: 'm' },
  { type: 'signature_delta', signature: 'c2ln' },
]);
const call = (index: number, id: string, name: string, pieces: readonly string[]) =>
  blockEvents(
    index,
    { type: 'tool_use', id, name, input: {} },
    pieces.map((partial_json) => ({ type: 'input_json_delta', partial_json })),
  );

describe.each([
  ['whole', 1_000_000],
  ['byte by byte', 1],
  ['in sevens', 7],
])('a stream read %s', (_how, size) => {
  test('of text becomes chunks of OpenAI’s form', () => {
    const chunks = translate(messageEvents([textEvents(0, ['Grüße', ' 🌍'])]), { size });
    expect(chunks).toEqual([
      {
        ...SHARED,
        choices: [{ index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }],
      },
      { ...SHARED, choices: [{ index: 0, delta: { content: 'Grüße' }, logprobs: null, finish_reason: null }] },
      { ...SHARED, choices: [{ index: 0, delta: { content: ' 🌍' }, logprobs: null, finish_reason: null }] },
      { ...SHARED, choices: [{ index: 0, delta: {}, logprobs: null, finish_reason: 'stop' }] },
    ]);
  });

  test('of thoughts, texts and calls has each in its place', () => {
    const blocks = [
      thought,
      textEvents(1, ['I look.']),
      call(2, 'toolu_1', 'get_weather', ['', '{"city":', '"Paris"}']),
      call(3, 'toolu_2', 'now', ['']),
    ];
    const tool = (index: number, fields: object) => ({ tool_calls: [{ index, ...fields }] });
    expect(deltas(messageEvents(blocks, 'tool_use'), { size })).toEqual([
      { role: 'assistant', content: '' },
      { reasoning_content: 'h' },
      { reasoning_content: 'm' },
      { thinking_blocks: [{ type: 'thinking', thinking: 'hm', signature: 'c2ln' }] },
      { content: 'I look.' },
      tool(0, { id: 'toolu_1', type: 'function', function: { name: 'get_weather', arguments: '' } }),
      tool(0, { function: { arguments: '{"city":' } }),
      tool(0, { function: { arguments: '"Paris"}' } }),
      tool(1, { id: 'toolu_2', type: 'function', function: { name: 'now', arguments: '' } }),
      tool(1, { function: { arguments: '{}' } }),
      'tool_calls',
    ]);
  });
});

describe('a stream', () => {
  test('counts its tokens at the end where that was asked for', () => {
    const events = [
      eventOf('message_start', {
        message: message([], { usage: { input_tokens: 3, cache_read_input_tokens: 40, output_tokens: 1 } }),
      }),
      ...textEvents(0, ['a']),
      eventOf('message_delta', {
        delta: { stop_reason: 'max_tokens' },
        usage: { input_tokens: null, output_tokens: 9 },
      }),
      eventOf('message_stop'),
    ];
    const chunks = translate(events, { includeUsage: true });
    expect(chunks.at(-1)).toEqual({
      ...SHARED,
      choices: [],
      usage: {
        prompt_tokens: 43,
        completion_tokens: 9,
        total_tokens: 52,
        prompt_tokens_details: { cached_tokens: 40 },
      },
    });
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('length');
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
  });

  test('that was refused says why', () => {
    const more = { stop_details: { type: 'refusal', category: null, explanation: 'no' } };
    const [, last] = translate(messageEvents([], 'refusal', more));
    expect(last?.choices).toEqual([
      { index: 0, delta: { refusal: 'no' }, logprobs: null, finish_reason: 'content_filter' },
    ]);
  });

  test('keeps nothing of blocks, deltas and events that OpenAI’s form has no place for', () => {
    const blocks = [
      blockEvents(0, { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} }, [
        { type: 'input_json_delta', partial_json: '{"query":"x"}' },
      ]),
      blockEvents(1, { type: 'text', text: 'a' }, [{ type: 'citations_delta', citation: {} }, { type: 'new_delta' }]),
      [eventOf('something_new', { at: 1 })],
    ];
    expect(deltas(messageEvents(blocks))).toEqual([{ role: 'assistant', content: '' }, { content: 'a' }, 'stop']);
  });

  test('passes redacted thoughts on for the way back', () => {
    const blocks = [blockEvents(0, { type: 'redacted_thinking', data: 'ZGF0YQ' }, [])];
    expect(deltas(messageEvents(blocks))).toContainEqual({
      thinking_blocks: [{ type: 'redacted_thinking', data: 'ZGF0YQ' }],
    });
  });

  test('says nothing after its end', () => {
    const chat = new ChatStream(CREATED, false);
    const data = messageEvents([]).map((event) => event.slice(event.indexOf('data: ') + 6));
    for (const each of data) chat.translate(each);
    expect(chat.translate('not even JSON')).toBe('');
  });
});

describe('a stream is refused', () => {
  const start = eventOf('message_start', { message: message([]) });
  const open = eventOf('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });
  test.each([
    ['with an event that is not JSON', ['data: {\n\n']],
    ['with an event without a type', ['data: {}\n\n']],
    ['with an event of the wrong form', [eventOf('message_start', {})]],
    ['that begins in its middle', textEvents(0, ['a'])],
    ['that begins twice', [start, start]],
    ['with a block opened twice', [start, open, open]],
    ['that stops for no reason', [start, eventOf('message_stop')]],
    ['with a call without a name', [start, ...blockEvents(0, { type: 'tool_use', id: 'toolu_1' }, [])]],
    [
      'with more blocks open than there may be',
      [
        start,
        ...Array.from({ length: 17 }, (_, index) =>
          eventOf('content_block_start', { index, content_block: { type: 'text' } }),
        ),
      ],
    ],
  ])('%s', (_how, events) => {
    expect(() => translate(events)).toThrow(expect.objectContaining({ code: 'upstream_invalid_response' }));
  });

  test('with a thought without end', () => {
    const piece = { type: 'thinking_delta', thinking: 'x'.repeat(900_000) };
    const events = [start, ...blockEvents(0, { type: 'thinking', thinking: '' }, [piece, piece, piece, piece, piece])];
    expect(() => translate(events)).toThrow(expect.objectContaining({ code: 'upstream_invalid_response' }));
  });

  test.each([
    ['overloaded_error', 'upstream_unavailable'],
    ['rate_limit_error', 'rate_limit_exceeded'],
    ['timeout_error', 'upstream_timeout'],
    ['api_error', 'upstream_failed'],
    ['invalid_request_error', 'upstream_failed'],
  ])('by its own %s as %s', (type, code) => {
    const event = eventOf('error', { error: { type, message: 'secret' } });
    expect(() => translate([start, event])).toThrow(expect.objectContaining({ code }));
    expect(() => translate([start, event])).not.toThrow('secret');
  });
});
