import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StandInUpstream } from '../../stand-in-upstream.ts';
import { json } from '../../stand-in-upstream.ts';
import { problemOf } from './messages-rules.ts';
import {
  API_KEY,
  apiFailure,
  blockEvents,
  message,
  messageEvents,
  startMessagesStandIn,
  streamed,
  textEvents,
} from './messages-stand-in.ts';

let standIn: StandInUpstream;
let client: Anthropic;
beforeAll(async () => {
  standIn = await startMessagesStandIn();
  client = new Anthropic({ baseURL: standIn.baseUrl.replace(/\/v1$/, ''), apiKey: API_KEY, maxRetries: 0 });
});
afterAll(() => standIn.close());

const user = (text: string) => ({ role: 'user' as const, content: [{ type: 'text' as const, text }] });
const asked = { model: 'claude-stand-in-1', max_tokens: 100, messages: [user('hello')] };

describe('the official SDK', () => {
  test('reads the stand-in’s answer', async () => {
    const answer = await client.messages.create(asked);
    expect(answer.content).toEqual([{ type: 'text', text: 'Hello world', citations: null }]);
    expect(answer.usage.output_tokens).toBe(5);
  });

  test('reads the stand-in’s stream to the same answer', async () => {
    const answer = await client.messages.stream(asked).finalMessage();
    expect(answer.content).toMatchObject([{ type: 'text', text: 'Hello world' }]);
    expect(answer.stop_reason).toBe('end_turn');
    expect(answer.usage).toMatchObject({ input_tokens: 10, output_tokens: 5 });
  });

  test('reads streamed thoughts and calls of tools', async () => {
    standIn.behave(
      streamed(
        messageEvents(
          [
            blockEvents(0, { type: 'thinking', thinking: '', signature: '' }, [
              { type: 'thinking_delta', thinking: 'hm' },
              { type: 'signature_delta', signature: 'c2ln' },
            ]),
            textEvents(1, ['I look']),
            blockEvents(2, { type: 'tool_use', id: 'toolu_1', name: 'look', input: {} }, [
              { type: 'input_json_delta', partial_json: '{"at":' },
              { type: 'input_json_delta', partial_json: '"it"}' },
            ]),
          ],
          'tool_use',
        ),
      ),
    );
    const answer = await client.messages.stream(asked).finalMessage();
    expect(answer.content).toMatchObject([
      { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
      { type: 'text', text: 'I look' },
      { type: 'tool_use', id: 'toolu_1', name: 'look', input: { at: 'it' } },
    ]);
  });

  test('reads the stand-in’s errors', async () => {
    standIn.behave(apiFailure(529, 'overloaded_error', 'Overloaded'));
    await expect(client.messages.create(asked)).rejects.toMatchObject({ status: 529 });
    const stranger = client.withOptions({ apiKey: 'another' });
    await expect(stranger.messages.create(asked)).rejects.toMatchObject({ status: 401 });
  });

  test('reads the stand-in’s pages of models', async () => {
    standIn.behave((request, response) => {
      const more = !request.path.includes('after_id=a');
      const id = more ? 'a' : 'b';
      json({ data: [{ type: 'model', id }], has_more: more, first_id: id, last_id: id })(request, response);
    });
    const ids: string[] = [];
    for await (const { id } of client.models.list()) ids.push(id);
    expect(ids).toEqual(['a', 'b']);
    standIn.behave(json(message([])));
  });
});

describe('the stand-in refuses', () => {
  const assistant = (...content: readonly object[]) => ({ role: 'assistant', content });
  const call = { type: 'tool_use', id: 'toolu_1', name: 'look', input: {} };
  const result = { type: 'tool_result', tool_use_id: 'toolu_1' };
  const text = { type: 'text', text: 'x' };

  test.each([
    ['no max_tokens', { max_tokens: undefined }],
    ['a field it does not know', { seed: 1 }],
    ['no messages', { messages: [] }],
    ['a system message in the conversation', { messages: [{ role: 'system', content: 'x' }] }],
    ['two turns of one side', { messages: [user('a'), user('b')] }],
    ['the assistant’s turn first', { messages: [assistant(text), user('a')] }],
    ['a blank text', { messages: [user(' ')] }],
    ['a call without a result', { messages: [user('a'), assistant(call), user('b')] }],
    ['a result without a call', { messages: [{ role: 'user', content: [result] }] }],
    ['a text before a result', { messages: [user('a'), assistant(call), { role: 'user', content: [text, result] }] }],
    ['a text behind a call', { messages: [user('a'), assistant(call, text), { role: 'user', content: [result] }] }],
    ['a choice among no tools', { tool_choice: { type: 'any' } }],
    ['parameters that are no object', { tools: [{ name: 'look', input_schema: {} }] }],
    ['a temperature above 1', { temperature: 1.5 }],
  ])('%s', (_what, fields) => {
    expect(problemOf({ ...asked, ...fields })).not.toBeNull();
  });

  test('sampling parameters in the version that has none', () => {
    expect(problemOf({ ...asked, temperature: 1 })).toBeNull();
    expect(problemOf({ ...asked, temperature: 1 }, '2026-10-21')).not.toBeNull();
  });

  test('a version it does not know', () => {
    expect(problemOf(asked, '2022-01-01')).not.toBeNull();
  });

  test('nothing else', () => {
    const messages = [user('a'), assistant(text, call), { role: 'user', content: [result, text] }];
    expect(problemOf({ ...asked, messages })).toBeNull();
  });
});
