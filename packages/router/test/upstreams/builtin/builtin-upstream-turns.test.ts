import type { LlamaGrammarEvaluationStateOptions } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltinUpstream, createBuiltinUpstream } from '../../../src/upstreams/builtin/builtin-upstream.ts';
import { bundledModelPath } from '../../../src/upstreams/builtin/bundled-model.ts';
import type { LlamaModule } from '../../../src/upstreams/builtin/loaded-model.ts';
import { chat, post, question } from './recorded-answer.ts';

const FRANCE = 'What is the capital of France?';
const PARIS = 'The capital of France is Paris.';
const SUM = 'What is three plus four?';
const SEVEN = 'Three plus four is seven.';

/** Held to this, the model never ends by itself. */
const ENDLESS = {
  response_format: {
    type: 'json_schema',
    json_schema: { schema: { type: 'array', items: { const: 'a' }, minItems: 900 } },
  },
};

/** An engine that fails at json_object, and at nothing else. */
async function failingAtJsonObjects(): Promise<LlamaModule> {
  const library = await import('node-llama-cpp');
  class LlamaGrammarEvaluationState extends library.LlamaGrammarEvaluationState {
    constructor(from: LlamaGrammarEvaluationStateOptions | LlamaGrammarEvaluationState) {
      if (!('grammar' in from)) {
        super(from);
        return;
      }
      super(from);
      if (!(from.grammar instanceof library.LlamaJsonSchemaGrammar)) throw new Error('no memory for "Tell me a story"');
    }
  }
  return { ...library, LlamaGrammarEvaluationState };
}

let roomy: BuiltinUpstream;
beforeAll(async () => {
  roomy = await createBuiltinUpstream({
    name: 'roomy',
    tier: 'high',
    modelPath: bundledModelPath(),
    contextTokens: 2_048,
    stallTimeoutMs: 1,
    maxQueue: 3,
    importLlama: failingAtJsonObjects,
  });
});
afterAll(() => roomy.close());

describe('an embedded model server', () => {
  it('takes its name from the file, and the context it is given', () => {
    expect(roomy).toMatchObject({ models: ['tiny'], contextTokens: 2_048, class: 'builtin', tier: 'high' });
  });

  it('reads a prompt of several batches, and stops reading it when the caller goes', async () => {
    const long = question(`${'word '.repeat(400)}${SUM}`, { max_tokens: 4 });
    const gone = post(roomy, '/chat/completions', long);
    const next = post(roomy, '/chat/completions', long);
    gone.call.cancel();
    await next.answer.over;
    const { usage } = next.answer.json;
    expect(usage.prompt_tokens).toBeGreaterThan(2 * 512);
    expect(usage.completion_tokens).toBeGreaterThan(0);
    expect(gone.answer.status).toBeNull();
  });

  it('takes the turn from a reader that stops reading, so that the next one is served', async () => {
    const { call, answer } = post(
      roomy,
      '/chat/completions',
      question('Tell me a story', { stream: true, ...ENDLESS }),
    );
    call.pause();
    const next = chat(roomy, SUM);
    await answer.over;
    expect(answer.error?.code).toBe('upstream_timeout');
    expect(answer.chunks).toHaveLength(0);
    expect((await next).json.choices[0].message?.content).toBe(SEVEN);
  });

  it('fails with upstream_failed where the engine does, before any byte, and serves the next request', async () => {
    const format = { response_format: { type: 'json_object' } };
    for (const stream of [true, false]) {
      const answer = await chat(roomy, 'Tell me a story', { ...format, stream });
      expect(answer).toMatchObject({ status: null, chunks: [], ended: false, error: { code: 'upstream_failed' } });
      expect(answer.error?.message).not.toContain('story');
    }
    expect((await chat(roomy, SUM)).json.choices[0].message?.content).toBe(SEVEN);
  });

  it('ends what runs and what waits when it is closed, and leaves another one alone', async () => {
    const upstream = await createBuiltinUpstream({ name: 'embedded', tier: 'maximum', modelName: 'org/name' });
    const { answer: named } = post(upstream, '/chat/completions', question(SUM, { model: 'org/name' }));
    await named.over;
    expect(named.json).toMatchObject({ model: 'org/name', choices: [{ message: { content: SEVEN } }] });
    const running = post(upstream, '/chat/completions', question('Tell me a story', { stream: true }));
    const waiting = post(upstream, '/chat/completions', question('Tell me a story'));
    await new Promise<void>((resolve) => {
      running.answer.onChunk = resolve;
    });
    await Promise.all([upstream.close(), upstream.close()]);
    for (const { answer } of [running, waiting, { answer: await chat(upstream, SUM) }]) {
      expect(answer.error?.code).toBe('shutting_down');
      expect(answer.ended).toBe(false);
    }
    expect((await chat(roomy, SUM)).json.choices[0].message?.content).toBe(SEVEN);
  });
});

describe('turns', () => {
  it('reports nothing before start returns', async () => {
    const { answer } = post(roomy, '/embeddings', {});
    expect(answer.status).toBeNull();
    await answer.over;
    expect(answer.status).toBe(404);
  });

  it('answers requests in the order they came, each with its own answer', async () => {
    const order: string[] = [];
    const asked = [FRANCE, SUM, FRANCE].map((text, index) => {
      const { answer } = post(roomy, '/chat/completions', question(text, { stream: index === 1 }));
      return answer.over.then(() => {
        order.push(String(index));
        return answer;
      });
    });
    const [first, second, third] = await Promise.all(asked);
    expect(order).toEqual(['0', '1', '2']);
    expect(first?.json.choices[0].message?.content).toBe(PARIS);
    expect(second?.streamed).toBe(SEVEN);
    expect(third?.json.choices[0].message?.content).toBe(PARIS);
  });

  it('turns away what the queue cannot hold, with overloaded', async () => {
    const asked = Array.from(
      { length: 5 },
      () => post(roomy, '/chat/completions', question(FRANCE, { max_tokens: 2 })).answer,
    );
    await Promise.all(asked.map(({ over }) => over));
    expect(asked.map(({ error }) => error?.code ?? null)).toEqual([null, null, null, null, 'overloaded']);
    expect(asked[4]?.status).toBeNull();
  });

  it('stops a running request when it is cancelled, says nothing more, and goes on with the next', async () => {
    const running = post(roomy, '/chat/completions', question(FRANCE, { stream: true, ...ENDLESS }));
    const next = post(roomy, '/chat/completions', question(SUM));
    await new Promise<void>((resolve) => {
      running.answer.onChunk = () => {
        if (running.answer.chunks.length === 5) {
          running.call.cancel();
          resolve();
        }
      };
    });
    await next.answer.over;
    expect(next.answer.json.choices[0].message?.content).toBe(SEVEN);
    expect(running.answer).toMatchObject({ ended: false, error: null });
    expect(running.answer.chunks).toHaveLength(5);
  });

  it('never begins a request that was cancelled while it waited', async () => {
    const first = post(roomy, '/chat/completions', question(FRANCE));
    const waiting = post(roomy, '/chat/completions', question(FRANCE));
    const unborn = post(roomy, '/chat/completions', question(FRANCE));
    const last = post(roomy, '/chat/completions', question(SUM));
    unborn.call.cancel();
    waiting.call.cancel();
    await Promise.all([first.answer.over, last.answer.over]);
    expect(last.answer.json.choices[0].message?.content).toBe(SEVEN);
    for (const { answer } of [waiting, unborn])
      expect(answer).toMatchObject({ status: null, ended: false, error: null });
  });

  it('holds back while paused and gives the whole answer after resume', async () => {
    const { call, answer } = post(roomy, '/chat/completions', question(FRANCE, { stream: true }));
    let seen = 0;
    await new Promise<void>((resolve) => {
      answer.onChunk = () => {
        if (answer.chunks.length === 3) {
          call.pause();
          seen = answer.chunks.length;
          resolve();
        }
      };
    });
    // Another whole request: the model has had time to go on.
    await chat(roomy, SUM);
    expect(answer.chunks).toHaveLength(seen);
    expect(answer.ended).toBe(false);
    call.resume();
    await answer.over;
    expect(answer.streamed).toBe(PARIS);
  });

  it('holds back an answer at once, too', async () => {
    const { call, answer } = post(roomy, '/chat/completions', question(FRANCE));
    call.pause();
    await chat(roomy, SUM);
    expect(answer.chunks).toHaveLength(0);
    call.resume();
    await answer.over;
    expect(answer.json.choices[0].message?.content).toBe(PARIS);
  });
});

describe('one request and the next', () => {
  it('share nothing: an answer does not depend on what was asked before', async () => {
    const alone = await chat(roomy, 'What did I ask before?');
    await chat(roomy, 'Say: kite horse blue');
    const { call, answer } = post(roomy, '/chat/completions', question('Tell me a story', { stream: true }));
    await new Promise<void>((resolve) => {
      answer.onChunk = resolve;
    });
    call.cancel();
    const after = await chat(roomy, 'What did I ask before?');
    expect(after.json.choices).toEqual(alone.json.choices);
    expect(after.json.usage).toEqual(alone.json.usage);
  });
});
