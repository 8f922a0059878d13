import { describe, expect, test } from 'vitest';
import { readMessage } from '../../../src/upstreams/anthropic/chat-completion.ts';
import { message } from './messages-stand-in.ts';

const CREATED = 1_700_000_000;
const encoded = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const read = (content: readonly object[], more: Record<string, unknown> = {}) =>
  readMessage(encoded(message(content, more)), CREATED);

describe('an answer', () => {
  test('of text becomes a chat completion', () => {
    expect(read([{ type: 'text', text: 'Hello', citations: null }])).toEqual({
      id: 'msg_01',
      object: 'chat.completion',
      created: CREATED,
      model: 'claude-stand-in-1',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hello', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 15,
        prompt_tokens_details: { cached_tokens: 0 },
      },
    });
  });

  test('of thoughts, texts and calls has each in its place', () => {
    const { choices } = read(
      [
        { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
        { type: 'redacted_thinking', data: 'ZGF0YQ' },
        { type: 'text', text: 'I ' },
        { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} },
        { type: 'text', text: 'look.' },
        { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { city: 'Paris' }, caller: { type: 'direct' } },
        { type: 'tool_use', id: 'toolu_2', name: 'now', input: {} },
      ],
      { stop_reason: 'tool_use' },
    );
    expect(choices).toEqual([
      {
        index: 0,
        message: {
          role: 'assistant',
          content: 'I look.',
          refusal: null,
          reasoning_content: 'hm',
          thinking_blocks: [
            { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
            { type: 'redacted_thinking', data: 'ZGF0YQ' },
          ],
          tool_calls: [
            { id: 'toolu_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Paris"}' } },
            { id: 'toolu_2', type: 'function', function: { name: 'now', arguments: '{}' } },
          ],
        },
        logprobs: null,
        finish_reason: 'tool_calls',
      },
    ]);
  });

  test('without text has no content', () => {
    expect(read([]).choices[0].message.content).toBeNull();
  });

  test.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['pause_turn', 'length'],
    ['tool_use', 'tool_calls'],
    ['refusal', 'content_filter'],
    ['something_new', 'length'],
  ])('that stopped for %s says %s', (stop_reason, finishReason) => {
    expect(read([], { stop_reason }).choices[0].finish_reason).toBe(finishReason);
  });

  test('that was refused says why, where the API does', () => {
    const stop_details = { type: 'refusal', category: 'bio', explanation: 'no' };
    expect(read([], { stop_reason: 'refusal', stop_details }).choices[0].message.refusal).toBe('no');
    expect(read([], { stop_reason: 'refusal', stop_details: null }).choices[0].message.refusal).toBeNull();
  });

  test('counts tokens of the cache among the prompt’s', () => {
    const usage = {
      input_tokens: 1,
      cache_creation_input_tokens: 20,
      cache_read_input_tokens: 300,
      output_tokens: 7,
      output_tokens_details: { thinking_tokens: 4 },
    };
    expect(read([], { usage }).usage).toEqual({
      prompt_tokens: 321,
      completion_tokens: 7,
      total_tokens: 328,
      prompt_tokens_details: { cached_tokens: 300 },
      completion_tokens_details: { reasoning_tokens: 4 },
    });
  });
});

test.each([
  ['no object', '[]'],
  ['an object of another kind', '{"type":"completion"}'],
  ['a message that did not stop', JSON.stringify(message([], { stop_reason: null }))],
  ['a call without a name', JSON.stringify(message([{ type: 'tool_use', id: 'toolu_1', input: {} }]))],
  ['counts below nothing', JSON.stringify(message([], { usage: { input_tokens: -1, output_tokens: 1 } }))],
])('an answer that is %s is refused', (_what, body) => {
  expect(() => readMessage(new TextEncoder().encode(body), CREATED)).toThrow(
    expect.objectContaining({ code: 'upstream_invalid_response' }),
  );
});
