import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capableModel, USAGE, vectorOf } from './model-server.ts';
import { openaiBy, WAYS } from './openai-ways.ts';
import { API_KEY, type SealedRouter, startSealedRouter } from './sealed-router.ts';

const SLASHED = 'org/slashed model:7b';
const TEXTS = ['one', 'three'];
let sealed: SealedRouter;

beforeAll(async () => {
  sealed = await startSealedRouter({ aliases: { [SLASHED]: ['m'] } });
  sealed.upstream.behave(capableModel(['m']));
});
afterAll(() => sealed.close());

function lastSeen(): Record<string, unknown> {
  return sealed.upstream.seen.at(-1)?.body ?? {};
}

describe.each(WAYS)('by the openai SDK, %s', (way) => {
  let openai: OpenAI;
  beforeAll(() => {
    openai = openaiBy(way, sealed.url, { apiKey: API_KEY });
  });

  test('embeddings of one text and of several are numbers, which the SDK had fetched in base64', async () => {
    const one = await openai.embeddings.create({ model: 'm', input: 'one' });
    expect(lastSeen()).toMatchObject({ input: 'one', encoding_format: 'base64' });
    expect(one.data.map(({ embedding }) => embedding)).toEqual([vectorOf('one')]);
    const several = await openai.embeddings.create({ model: 'm', input: TEXTS });
    expect(several.data.map(({ embedding }) => embedding)).toEqual(TEXTS.map(vectorOf));
    expect(several.data.map(({ index }) => index)).toEqual([0, 1]);
    expect(several.usage).toEqual({ prompt_tokens: 4, total_tokens: 4 });
  });

  test('embeddings asked for as numbers, or as base64, come so', async () => {
    const floats = await openai.embeddings.create({ model: 'm', input: 'one', encoding_format: 'float' });
    expect(floats.data[0]?.embedding).toEqual(vectorOf('one'));
    const text = await openai.embeddings.create({ model: 'm', input: 'one', encoding_format: 'base64' });
    const bytes = Buffer.from(String(text.data[0]?.embedding), 'base64');
    expect([0, 4, 8].map((at) => bytes.readFloatLE(at))).toEqual(vectorOf('one'));
  });

  test('a text is continued, in one piece and streamed, with usage only where it was asked for', async () => {
    const request = { model: 'm', prompt: 'so on', max_tokens: 5, echo: false, suffix: '.', best_of: 1 };
    const whole = await openai.completions.create(request);
    expect(whole).toMatchObject({ object: 'text_completion', usage: USAGE, choices: [{ text: 'and so on' }] });
    // The salt keeps this key's prompts apart in the model server's cache.
    expect(lastSeen()).toEqual({ ...request, cache_salt: expect.any(String) as unknown });
    const options = [{}, { stream_options: { include_usage: true } }];
    for (const more of options) {
      const chunks = [];
      for await (const chunk of await openai.completions.create({ ...request, ...more, stream: true }))
        chunks.push(chunk);
      expect(chunks.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe('and so on');
      expect(chunks.at(-1)?.usage ?? null).toEqual('stream_options' in more ? USAGE : null);
    }
  });

  test('models are listed, aliases too, and one whose name has slashes and spaces is found', async () => {
    const listed = [];
    for await (const model of openai.models.list()) listed.push(model);
    expect(listed.map(({ id }) => id).sort()).toEqual(['m', SLASHED].sort());
    for (const model of listed) expect(model).toMatchObject({ object: 'model', created: 0 });
    // The SDK writes the slashes as %2F.
    expect(await openai.models.retrieve(SLASHED)).toMatchObject({ id: SLASHED, object: 'model' });
    const failure = await openai.models.retrieve('org/none').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OpenAI.NotFoundError);
    expect(failure).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
  });
});
