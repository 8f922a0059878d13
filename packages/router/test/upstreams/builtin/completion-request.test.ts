import { describe, expect, it } from 'vitest';
import { parseCompletionRequest } from '../../../src/upstreams/builtin/completion-request.ts';

const parse = (body: object) => parseCompletionRequest(new TextEncoder().encode(JSON.stringify(body)));

describe('reading a completion request', () => {
  it('takes a prompt, or a list of one, and makes 16 tokens unless asked for more', () => {
    expect(parse({ prompt: 'a', best_of: 1 })).toMatchObject({ prompt: 'a', echo: false, maxTokens: 16 });
    expect(parse({ prompt: ['a'], echo: true, max_tokens: 99 })).toMatchObject({
      prompt: 'a',
      echo: true,
      maxTokens: 99,
    });
  });

  const refused: readonly [string, object, string][] = [
    ['no prompt', {}, 'prompt'],
    ['several prompts', { prompt: ['a', 'b'] }, 'prompt'],
    ['a prompt of token numbers', { prompt: [1, 2] }, 'prompt'],
    ['a suffix', { prompt: 'a', suffix: 'b' }, 'suffix'],
    ['logprobs, be it of the chosen token alone', { prompt: 'a', logprobs: 0 }, 'logprobs'],
    ['the best of several', { prompt: 'a', best_of: 2 }, 'best_of'],
    ['several answers', { prompt: 'a', n: 2 }, 'n'],
  ];
  it.each(refused)('refuses %s', (_, body, param) => {
    expect(() => parse(body)).toThrow(expect.objectContaining({ code: 'invalid_request', status: 400, param }));
  });
});
