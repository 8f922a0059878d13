import { describe, expect, test } from 'vitest';
import { ChatbotDirectory } from '../../src/chatbots/chatbot-directory.ts';
import { testChatbot } from './chatbot-router.ts';
import { memoryChatbots, memoryConversations } from './memory-stores.ts';

const configured = testChatbot({ id: 'b', name: 'Configured' });

function directory() {
  const store = memoryChatbots(memoryConversations());
  return { store, chatbots: new ChatbotDirectory([configured], store) };
}

describe('the chatbots that there are', () => {
  test('are those of the configuration and of the store, in the order of their ids', async () => {
    const { store, chatbots } = directory();
    await store.put(testChatbot({ id: 'c' }));
    await chatbots.put(testChatbot({ id: 'a' }));
    expect(chatbots.list().map(({ id }) => id)).toEqual(['a', 'b']);
    await chatbots.reload();
    expect(chatbots.list().map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect(chatbots.get('c')).toEqual(testChatbot({ id: 'c' }));
    expect([chatbots.get('d'), chatbots.isConfigured('b'), chatbots.isConfigured('a')]).toEqual([null, true, false]);
  });

  test('of the configuration win, and are changed nowhere else', async () => {
    const { store, chatbots } = directory();
    await store.put(testChatbot({ id: 'b', name: 'Stored' }));
    await chatbots.reload();
    expect(chatbots.get('b')).toBe(configured);
    expect(chatbots.list()).toEqual([configured]);
    const refusal = { code: 'already_exists', status: 409 };
    await expect(chatbots.put(testChatbot({ id: 'b' }))).rejects.toMatchObject(refusal);
    await expect(chatbots.delete('b')).rejects.toMatchObject(refusal);
    expect((await store.get('b'))?.name).toBe('Stored');
  });

  test('of the store are replaced and deleted at once', async () => {
    const { store, chatbots } = directory();
    await chatbots.put(testChatbot({ id: 'a', name: 'One' }));
    await chatbots.put(testChatbot({ id: 'a', name: 'Two' }));
    expect([chatbots.get('a')?.name, (await store.get('a'))?.name]).toEqual(['Two', 'Two']);
    expect([await chatbots.delete('a'), await chatbots.delete('a')]).toEqual([true, false]);
    expect([chatbots.get('a'), await store.get('a')]).toEqual([null, null]);
  });

  test('are a thousand at most', async () => {
    const { chatbots } = directory();
    for (let index = 0; index < 1_000; index++) await chatbots.put(testChatbot({ id: `a${index}` }));
    await expect(chatbots.put(testChatbot({ id: 'x' }))).rejects.toMatchObject({ code: 'invalid_request' });
    await chatbots.put(testChatbot({ id: 'a1', name: 'Changed' }));
    expect(chatbots.get('a1')?.name).toBe('Changed');
  });
});
