import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { type SdkOptions, secureChatFields } from '@sotto/client/langchain';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { gate } from '../packages/router/test/eventually.ts';
import { completion, completionEvents, json, wellBehaved } from '../packages/router/test/stand-in-upstream.ts';
import { API_KEY, type SealedRouter, startSealedRouter } from './sealed-router.ts';

let sealed: SealedRouter;

beforeAll(async () => {
  sealed = await startSealedRouter();
});
afterEach(() => sealed.upstream.behave(wellBehaved(['m'])));
afterAll(() => sealed.close());

function chatModel(options: Partial<SdkOptions> = {}) {
  const fields = secureChatFields({ routerUrl: sealed.url, allowHttp: true, apiKey: API_KEY, ...options });
  // By default it tries six times more, which takes a minute.
  return new ChatOpenAI({ model: 'm', maxRetries: 1, ...fields });
}

describe('LangChain', () => {
  test('invokes a model', async () => {
    const answer = await chatModel().invoke('one two');
    expect(answer.content).toBe('echo: one two');
    expect(answer.usage_metadata).toMatchObject({ total_tokens: 3 });
  });

  test('streams, each token before the model server has made the next', async () => {
    const events = completionEvents(['one', ' two', ' three']);
    const steps = events.map(() => gate());
    sealed.upstream.behave(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const [index, event] of events.entries()) {
        response.write(event);
        await steps[index]?.opened;
      }
      response.end('data: [DONE]\n\n');
    });
    const words: string[] = [];
    let step = 0;
    for await (const { content } of await chatModel().stream('count')) {
      if (typeof content === 'string' && content !== '') words.push(content);
      steps[step++]?.open();
    }
    expect(words).toEqual(['one', ' two', ' three']);
  });

  test('lets the model call a tool, and gives it the result', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Paris"}' } };
    const message = { role: 'assistant', content: null, tool_calls: [call] };
    sealed.upstream.behave(json({ ...completion(''), choices: [{ index: 0, message, finish_reason: 'tool_calls' }] }));
    const parameters = { type: 'object', properties: { city: { type: 'string' } } };
    const withTools = chatModel().bindTools([{ type: 'function', function: { name: 'weather', parameters } }]);
    const question = new HumanMessage('How warm is it?');
    const asked = await withTools.invoke([question]);
    expect(asked.tool_calls).toMatchObject([{ name: 'weather', args: { city: 'Paris' }, id: 'call_1' }]);

    sealed.upstream.behave(wellBehaved(['m']));
    const told = new ToolMessage({ content: '18 degrees', tool_call_id: 'call_1' });
    expect((await withTools.invoke([question, asked, told])).content).toBe('echo: 18 degrees');
  });

  test('sees a model server that is killed in the middle of a stream as an error, not as an end', async () => {
    sealed.upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(completionEvents(['first'])[0], () => response.socket?.destroy());
    });
    const words: unknown[] = [];
    const read = async (): Promise<void> => {
      for await (const { content } of await chatModel().stream('x')) words.push(content);
    };
    await expect(read()).rejects.toMatchObject({ code: 'upstream_failed' });
    expect(words).toEqual(['first']);
  });

  test.each([
    ['answers, as the adapter has it, is a 403 with its code: one attempt', 'response', 1],
    ['throws is a broken connection to it: tried as often as it is told to', 'throw', 2],
  ] as const)('a security error that %s, and the model server hears nothing', async (_how, way, attempts) => {
    const before = sealed.upstream.seen.length;
    let asked = 0;
    const untrusted = chatModel({
      pinnedSigners: ['0'.repeat(64)],
      onSecurityError: way,
      fetch: (url, init) => {
        asked++;
        return fetch(url, init);
      },
    });
    const failure = await untrusted.invoke('x').catch((error: unknown) => error);
    if (way === 'response') expect(failure).toMatchObject({ status: 403, code: 'untrusted_signer' });
    else expect(failure).toBeInstanceOf(Error);
    // Each attempt asks for the keys first, and goes no further.
    expect(asked).toBe(attempts);
    expect(sealed.upstream.seen.length).toBe(before);
  });

  test('gets a wrong key as a 401', async () => {
    await expect(chatModel({ apiKey: 'sotto_wrong' }).invoke('x')).rejects.toMatchObject({ status: 401 });
  });
});
