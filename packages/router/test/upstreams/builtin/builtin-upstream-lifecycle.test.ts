import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltinUpstream, createBuiltinUpstream } from '../../../src/upstreams/builtin/builtin-upstream.ts';
import { bundledModelPath } from '../../../src/upstreams/builtin/bundled-model.ts';
import { chat, post, question } from './recorded-answer.ts';

const SUM = 'What is three plus four?';
const SEVEN = 'Three plus four is seven.';

let roomy: BuiltinUpstream;
beforeAll(async () => {
  roomy = await createBuiltinUpstream({
    name: 'roomy',
    tier: 'high',
    modelPath: bundledModelPath(),
    contextTokens: 2_048,
    stallTimeoutMs: 1,
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
    const schema = { type: 'array', items: { const: 'a' }, minItems: 900 };
    const endless = { stream: true, response_format: { type: 'json_schema', json_schema: { schema } } };
    const { call, answer } = post(roomy, '/chat/completions', question('Tell me a story', endless));
    call.pause();
    const next = chat(roomy, SUM);
    await answer.over;
    expect(answer.error?.code).toBe('upstream_timeout');
    expect(answer.chunks).toHaveLength(0);
    expect((await next).json.choices[0].message?.content).toBe(SEVEN);
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
