import { describe, expect, it } from 'vitest';
import { parseChatRequest } from '../../../src/upstreams/builtin/chat-request.ts';

const user = { role: 'user', content: 'x' };
const parse = (body: object) => parseChatRequest(new TextEncoder().encode(JSON.stringify(body)));
const asking = (more: object) => parse({ messages: [user], ...more });

describe('reading a chat request', () => {
  it('reads what it honours, under each of its names', () => {
    const request = parse({
      model: 'tiny',
      messages: [
        { role: 'developer', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
        { role: 'assistant', content: null, tool_calls: [] },
      ],
      temperature: 0.5,
      top_p: 0.9,
      top_k: -1,
      min_p: 0,
      seed: -1,
      presence_penalty: 1,
      frequency_penalty: -1,
      stop: 'END',
      max_tokens: 5,
      max_completion_tokens: 7,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(request).toEqual({
      model: 'tiny',
      messages: [
        { role: 'system', text: 'Be brief.' },
        { role: 'user', text: 'ab' },
        { role: 'assistant', text: '' },
      ],
      sampling: {
        temperature: 0.5,
        topP: 0.9,
        topK: 0,
        minP: 0,
        seed: 0xffff_ffff,
        presencePenalty: 1,
        frequencyPenalty: -1,
      },
      stop: ['END'],
      maxTokens: 7,
      format: { type: 'text' },
      stream: true,
      includeUsage: true,
    });
  });

  it('takes null for anything left out, and another seed each time', () => {
    const fields = [
      'model',
      'stream',
      'stream_options',
      'n',
      'max_tokens',
      'temperature',
      'seed',
      'stop',
      'tools',
      'logprobs',
    ];
    const nothing = Object.fromEntries(fields.map((field) => [field, null]));
    const [first, second] = [asking(nothing), asking({})];
    expect(first).toMatchObject({ model: null, stop: [], maxTokens: null, stream: false, includeUsage: false });
    expect(second.sampling).toEqual({ ...first.sampling, seed: second.sampling.seed });
    expect(new Set(Array.from({ length: 8 }, () => asking({}).sampling.seed)).size).toBeGreaterThan(1);
  });

  it('ignores what does not change the answer, and what asks for nothing', () => {
    const harmless = {
      user: 'u',
      metadata: {},
      store: false,
      tools: [],
      logprobs: false,
      logit_bias: {},
      n: 1,
      cache_salt: 's',
    };
    expect(asking(harmless)).toMatchObject({ messages: [{ role: 'user', text: 'x' }] });
  });

  const refused: readonly [string, object, string | null][] = [
    ['what is no object', ['x'], null],
    ['no messages', { messages: [] }, 'messages'],
    ['too many messages', { messages: Array.from({ length: 2_049 }, () => user) }, 'messages'],
    ['an unknown role', { messages: [user, { role: 'tool', content: 'x' }] }, 'messages[1].role'],
    ['content of another type', { messages: [{ role: 'user', content: 5 }] }, 'messages[0].content'],
    ['an image', { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }, 'messages[0].content[0]'],
    ['calls of tools', { messages: [{ role: 'assistant', tool_calls: [{ id: '1' }] }] }, 'messages[0].tool_calls'],
    ['several answers', { messages: [user], n: 2 }, 'n'],
    ['tools', { messages: [user], tools: [{ type: 'function' }] }, 'tools'],
    ['logprobs', { messages: [user], logprobs: true }, 'logprobs'],
    ['a bias', { messages: [user], logit_bias: { 5: 1 } }, 'logit_bias'],
    ['a temperature out of range', { messages: [user], temperature: 3 }, 'temperature'],
    ['no tokens', { messages: [user], max_tokens: 0 }, 'max_tokens'],
    ['five stop texts', { messages: [user], stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop'],
    ['an empty stop text', { messages: [user], stop: '' }, 'stop'],
    ['a very long stop text', { messages: [user], stop: 'x'.repeat(257) }, 'stop'],
    ['half a character to stop at', { messages: [user], stop: '\ude00' }, 'stop'],
    ['an unknown format', { messages: [user], response_format: { type: 'xml' } }, 'response_format'],
    [
      'a schema that cannot be enforced',
      { messages: [user], response_format: { type: 'json_schema', json_schema: { schema: { not: {} } } } },
      'response_format.json_schema.schema',
    ],
  ];
  it.each(refused)('refuses %s', (_, body, param) => {
    expect(() => parse(body)).toThrow(expect.objectContaining({ code: 'invalid_request', status: 400, param }));
  });

  it('refuses what is not JSON in UTF-8, without quoting it', () => {
    for (const body of [null, new TextEncoder().encode('{"secret": tru'), Uint8Array.of(0x22, 0xff, 0x22)]) {
      expect(() => parseChatRequest(body)).toThrow(expect.objectContaining({ code: 'invalid_json', status: 400 }));
      expect(() => parseChatRequest(body)).not.toThrow(/secret/);
    }
  });
});
