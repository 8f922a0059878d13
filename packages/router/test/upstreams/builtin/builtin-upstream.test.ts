import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltinUpstream, createBuiltinUpstream } from '../../../src/upstreams/builtin/builtin-upstream.ts';
import { DEFAULT_BUILTIN_MODEL } from '../../../src/upstreams/builtin/bundled-model.ts';
import { ask, chat, post, question, RecordedAnswer } from './recorded-answer.ts';

const FRANCE = 'What is the capital of France?';
const PARIS = 'The capital of France is Paris.';
const SUM = 'What is three plus four?';
/** Held to this, the model never ends by itself. */
const ENDLESS = {
  response_format: {
    type: 'json_schema',
    json_schema: { schema: { type: 'array', items: { const: 'a' }, minItems: 130 } },
  },
};

let upstream: BuiltinUpstream;
beforeAll(async () => {
  upstream = await createBuiltinUpstream({ name: 'embedded', tier: 'maximum' });
});
afterAll(() => upstream.close());

describe('a chat completion at once', () => {
  it('answers what the model says, with real token counts that add up', async () => {
    const answer = await chat(upstream, FRANCE);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.json).toMatchObject({ object: 'chat.completion', model: DEFAULT_BUILTIN_MODEL });
    expect(answer.json.id).toMatch(/^chatcmpl-[0-9a-f]{32}$/);
    expect(answer.json.choices[0]).toMatchObject({ message: { content: PARIS }, finish_reason: 'stop' });
    expect(answer.json.usage).toEqual({ prompt_tokens: 14, completion_tokens: 13, total_tokens: 27 });
  });

  it('counts the system message, which goes through the template', async () => {
    const messages = [
      { role: 'system', content: 'You are helpful.' },
      { role: 'user', content: FRANCE },
    ];
    const answer = await ask(upstream, '/chat/completions', { messages, temperature: 0 });
    expect(answer.json.choices[0].message?.content).toBe(PARIS);
    expect(answer.json.usage.prompt_tokens).toBe(21);
  });

  it('joins the text parts of a message', async () => {
    const content = [
      { type: 'text', text: 'What is the capital ' },
      { type: 'text', text: 'of France?' },
    ];
    const answer = await ask(upstream, '/chat/completions', { messages: [{ role: 'user', content }], temperature: 0 });
    expect(answer.json.choices[0].message?.content).toBe(PARIS);
    expect(answer.json.usage.prompt_tokens).toBe(14);
  });

  it('continues the assistant message that a conversation ends with', async () => {
    const messages = [
      { role: 'user', content: FRANCE },
      { role: 'assistant', content: 'The capital of' },
    ];
    const answer = await ask(upstream, '/chat/completions', { messages, temperature: 0 });
    expect(answer.json.choices[0].message?.content).toBe(' France is Paris.');
  });

  it('stops at max_tokens and at max_completion_tokens with length', async () => {
    for (const field of ['max_tokens', 'max_completion_tokens']) {
      const answer = await chat(upstream, FRANCE, { [field]: 5 });
      const [{ message, finish_reason }] = answer.json.choices;
      expect(finish_reason).toBe('length');
      expect(answer.json.usage.completion_tokens).toBe(5);
      expect(PARIS.startsWith(message?.content ?? '?')).toBe(true);
    }
  });

  it('ends at the context with length, and never beyond it', async () => {
    const answer = await chat(upstream, FRANCE, ENDLESS);
    expect(answer.json.choices[0].finish_reason).toBe('length');
    expect(answer.json.usage.total_tokens).toBe(upstream.contextTokens);
  });

  it('ends before a stop text, be it one or the first of several, across tokens', async () => {
    const one = await chat(upstream, FRANCE, { stop: 'ance is' });
    expect(one.json.choices[0]).toMatchObject({ message: { content: 'The capital of Fr' }, finish_reason: 'stop' });
    const several = await chat(upstream, FRANCE, { stop: ['nowhere', ' Paris', ' is'] });
    expect(several.json.choices[0]).toMatchObject({
      message: { content: 'The capital of France' },
      finish_reason: 'stop',
    });
  });

  it('gives the same answer for the same seed, and another for another', async () => {
    const hot = { temperature: 2, top_p: 1, top_k: 0, min_p: 0, max_tokens: 20 };
    const [first, again, other] = await Promise.all(
      [7, 7, 8].map((seed) => chat(upstream, 'Tell me a story', { ...hot, seed })),
    );
    expect(again?.json.choices[0].message).toEqual(first?.json.choices[0].message);
    expect(other?.json.choices[0].message).not.toEqual(first?.json.choices[0].message);
  });

  it('penalises what it has said already where the caller asks for it', async () => {
    const plain = await chat(upstream, 'Say: blue blue blue', { max_tokens: 20 });
    const varied = await chat(upstream, 'Say: blue blue blue', {
      max_tokens: 20,
      frequency_penalty: 2,
      presence_penalty: 2,
    });
    expect(varied.json.choices[0].message).not.toEqual(plain.json.choices[0].message);
  });

  it('holds the answer to a JSON schema, also in a stream, without white space after it', async () => {
    const schema = {
      type: 'object',
      properties: { city: { enum: ['Paris', 'Rome'] }, sure: { type: 'boolean' }, near: { $ref: '#/$defs/near' } },
      required: ['city', 'sure'],
      $defs: { near: { type: ['null', 'boolean'] } },
    };
    const format = { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } } };
    const whole = await chat(upstream, FRANCE, format);
    const text = whole.json.choices[0].message?.content ?? '';
    expect(Object.keys(JSON.parse(text) as object).sort()).toEqual(['city', 'near', 'sure']);
    expect(text.trimEnd()).toBe(text);
    expect(whole.json.choices[0].finish_reason).toBe('stop');
    expect((await chat(upstream, FRANCE, { ...format, stream: true })).streamed).toBe(text);
  });

  it('takes a schema as large as schemas may be and the strangest names, and the engine does too', async () => {
    const strange = Object.fromEntries(
      ['"', '\\', '\n', '\u0001', '\ud83d', '"\\n" ::= x', ''].map((name) => [name, { const: name }]),
    );
    const items = {
      type: 'object',
      properties: { ...strange, rest: { type: 'array', items: { type: 'string' }, maxItems: 900 } },
    };
    const schema = { type: 'array', items, minItems: 1, maxItems: 1_000 };
    const format = { response_format: { type: 'json_schema', json_schema: { schema } } };
    const answer = await chat(upstream, FRANCE, { ...format, max_tokens: 5 });
    expect(answer.json.choices[0].message?.content).toMatch(/^\[/);
  });

  it('holds the answer to JSON with json_object', async () => {
    const answer = await chat(upstream, 'Tell me a story', {
      response_format: { type: 'json_object' },
      max_tokens: 40,
    });
    expect(answer.json.choices[0].message?.content).toMatch(/^\{/);
  });
});

describe('a chat completion as a stream', () => {
  it('begins with the role, says the same as the answer at once, and ends with the reason and [DONE]', async () => {
    for (const text of [FRANCE, SUM, 'Say: kite horse blue', 'Tell me a story']) {
      const whole = await chat(upstream, text);
      const stream = await chat(upstream, text, { stream: true });
      expect(stream.headers['content-type']).toMatch(/^text\/event-stream/);
      expect(stream.streamed).toBe(whole.json.choices[0].message?.content);
      expect(stream.events[0]?.choices[0]?.delta).toEqual({ role: 'assistant', content: '' });
      expect(stream.events.at(-1)?.choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' });
      expect(new Set(stream.events.map(({ id }) => id)).size).toBe(1);
      expect(stream.events.every(({ object }) => object === 'chat.completion.chunk')).toBe(true);
    }
  });

  it('sends each token as it is made, not all at the end', async () => {
    const { answer } = post(upstream, '/chat/completions', question(FRANCE, { stream: true }));
    await answer.over;
    // Role, thirteen tokens less the blank before the first word, the reason, [DONE].
    expect(answer.chunks.length).toBeGreaterThanOrEqual(14);
  });

  it('counts the tokens in an event of its own only where the caller asks', async () => {
    const plain = await chat(upstream, FRANCE, { stream: true });
    expect(plain.events.every((event) => event.usage === undefined)).toBe(true);
    const counted = await chat(upstream, FRANCE, { stream: true, stream_options: { include_usage: true } });
    const last = counted.events.at(-1);
    expect(last?.choices).toEqual([]);
    expect(last?.usage).toEqual({ prompt_tokens: 14, completion_tokens: 13, total_tokens: 27 });
    expect(counted.events.slice(0, -1).every((event) => event.usage === null)).toBe(true);
  });

  it('never shows a part of a stop text', async () => {
    const stream = await chat(upstream, FRANCE, { stream: true, stop: ['France is P'] });
    expect(stream.streamed).toBe('The capital of ');
    expect(stream.events.at(-1)?.choices[0]?.finish_reason).toBe('stop');
  });

  it('sends whole characters only, whatever tokens they are made of', async () => {
    const schema = { enum: ['é😀漢'] };
    const format = { response_format: { type: 'json_schema', json_schema: { schema } } };
    const { answer } = post(upstream, '/chat/completions', question(FRANCE, { stream: true, ...format }));
    await answer.over;
    expect(answer.streamed).toBe('"é😀漢"');
    expect(answer.body).not.toContain('\uFFFD');
  });
});

describe('a text completion', () => {
  it('continues the prompt without a template, at once and as a stream', async () => {
    const body = { prompt: 'The capital of France', temperature: 0, max_tokens: 8 };
    const whole = await ask(upstream, '/completions', body);
    const text = whole.json.choices[0].text ?? '';
    expect(whole.json.object).toBe('text_completion');
    expect(whole.json.id).toMatch(/^cmpl-/);
    expect(text.length).toBeGreaterThan(0);
    const stream = await ask(upstream, '/completions', { ...body, prompt: [body.prompt], stream: true });
    expect(stream.streamed).toBe(text);
  });

  it('repeats the prompt where echo is asked for', async () => {
    const body = { prompt: 'The capital of France', temperature: 0, max_tokens: 4, echo: true };
    const whole = await ask(upstream, '/completions', body);
    expect(whole.json.choices[0].text).toMatch(/^The capital of France/);
    const stream = await ask(upstream, '/completions', { ...body, stream: true });
    expect(stream.streamed).toBe(whole.json.choices[0].text);
  });

  it('makes 16 tokens at most where the caller says nothing', async () => {
    const answer = await ask(upstream, '/completions', { prompt: 'One day', temperature: 0 });
    expect(answer.json.usage.completion_tokens).toBeLessThanOrEqual(16);
  });
});

describe('what is not an inference', () => {
  async function get(path: string): Promise<RecordedAnswer> {
    const answer = new RecordedAnswer();
    upstream.start({ method: 'GET', path, body: null, stream: false }, answer);
    await answer.over;
    return answer;
  }

  it('lists its one model, and describes it', async () => {
    const model = { id: DEFAULT_BUILTIN_MODEL, object: 'model', owned_by: 'embedded' };
    expect(JSON.parse((await get('/models')).body)).toMatchObject({ object: 'list', data: [model] });
    expect(JSON.parse((await get(`/models/${DEFAULT_BUILTIN_MODEL}`)).body)).toMatchObject(model);
    expect(upstream.models).toEqual([DEFAULT_BUILTIN_MODEL]);
  });

  it('answers not_found to any other path', async () => {
    for (const answer of [await get('/models/another'), await ask(upstream, '/embeddings', { input: 'x' })]) {
      expect(answer.status).toBe(404);
      expect(answer.refusal.code).toBe('not_found');
    }
  });
});

describe('bad requests', () => {
  it('are answered with the status, the field and the code, and never fail the call', async () => {
    const cases: readonly [object, number, string, string][] = [
      [question('x', { n: 2 }), 400, 'n', 'invalid_request'],
      [question('x', { model: 'gpt-4' }), 404, 'model', 'model_not_found'],
      [question('word '.repeat(50_000)), 400, 'messages', 'context_length_exceeded'],
    ];
    for (const [body, status, param, code] of cases) {
      const answer = await ask(upstream, '/chat/completions', body);
      expect(answer).toMatchObject({ status, ended: true, error: null, refusal: { param, code } });
    }
    const completion = await ask(upstream, '/completions', { prompt: ['a', 'b'] });
    expect(completion).toMatchObject({ status: 400, refusal: { param: 'prompt', code: 'invalid_request' } });
  });

  it('are told the numbers when the prompt is too long', async () => {
    const { code, message } = (await chat(upstream, 'word '.repeat(300))).refusal;
    expect(code).toBe('context_length_exceeded');
    expect(message).toMatch(/prompt has \d{3,} tokens/);
    expect(message).toContain(`${upstream.contextTokens} tokens`);
  });
});
