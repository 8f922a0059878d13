import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { secureChatFields } from '@sotto/client/langchain';
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

function chatModel(options: { readonly pinnedSigners?: readonly string[]; readonly apiKey?: string } = {}) {
  const fields = secureChatFields({ routerUrl: sealed.url, allowHttp: true, apiKey: API_KEY, ...options });
  return new ChatOpenAI({ model: 'm', ...fields });
}

describe('LangChain', () => {
  test('invokes a model', async () => {
    const answer = await chatModel().invoke('one two');
    expect(answer.content).toBe('echo: one two');
    expect(answer.usage_metadata?.total_tokens).toBe(3);
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

  test('gets a security error as a 403 with its code, in one attempt, and the model server nothing', async () => {
    const before = sealed.upstream.seen.length;
    const untrusted = chatModel({ pinnedSigners: ['0'.repeat(64)] });
    await expect(untrusted.invoke('x')).rejects.toMatchObject({ status: 403, code: 'untrusted_signer' });
    expect(sealed.upstream.seen.length).toBe(before);
  });

  test('gets a wrong key as a 401', async () => {
    await expect(chatModel({ apiKey: 'sotto_wrong' }).invoke('x')).rejects.toMatchObject({ status: 401 });
  });
});
