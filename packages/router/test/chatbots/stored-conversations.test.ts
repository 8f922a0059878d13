import { randomBytes } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { ChatbotDirectory } from '../../src/chatbots/chatbot-directory.ts';
import { Conversations } from '../../src/chatbots/conversations.ts';
import { sweepExpired } from '../../src/chatbots/expiry-sweep.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { testChatbot } from './chatbot-router.ts';

const owner = { chatbotId: 'bot', keyId: 'k' };
const said = (message: string) => ({ turn: { message, answer: `${message}!` }, tier: 'standard' }) as const;

async function databaseWithConversations() {
  const store = await openStore('memory:', new Uint8Array(randomBytes(32)));
  onTestFinished(() => store.close());
  const clock = { nowMs: 1_700_000_000_000 };
  const conversations = new Conversations({
    store: store.conversations,
    sealKey: new Uint8Array(randomBytes(32)),
    defaultTtlSeconds: 3_600,
    now: () => clock.nowMs,
    onUnreadable: (error) => {
      throw error;
    },
  });
  return { store, conversations, clock };
}

test('conversations in a database are continued, by several at once too, and deleted', async () => {
  const { conversations } = await databaseWithConversations();
  const begun = await conversations.append(testChatbot(), conversations.begin(owner), said('one'));
  await Promise.all(['a', 'b', 'c', 'd'].map((word) => conversations.append(testChatbot(), begun, said(word))));
  const found = await conversations.open(owner, begun.id);
  const messages = found?.history.turns.map(({ message }) => message) ?? [];
  expect([messages[0], [...messages].sort()]).toEqual(['one', ['a', 'b', 'c', 'd', 'one']]);
  expect(found?.version).toBe(5);
  expect([await conversations.delete(owner, begun.id), await conversations.open(owner, begun.id)]).toEqual([
    true,
    null,
  ]);
});

test('conversations in a database end with their time, and with their chatbot', async () => {
  const { store, conversations, clock } = await databaseWithConversations();
  const chatbots = new ChatbotDirectory([], store.chatbots);
  await chatbots.put(testChatbot({ tier: 'high', ttlSeconds: 60, parameters: { stop: ['x'] } }));
  const bot = chatbots.get('bot') ?? testChatbot();
  await chatbots.reload();
  expect(chatbots.get('bot')).toEqual(bot);
  const first = await conversations.append(bot, conversations.begin(owner), said('one'));
  clock.nowMs += 60_000;
  expect(await conversations.open(owner, first.id)).toBeNull();
  expect(await sweepExpired({ store: store.conversations, now: () => clock.nowMs })).toBe(1);
  const second = await conversations.append(bot, conversations.begin(owner), said('two'));
  await chatbots.delete('bot');
  expect(await conversations.open(owner, second.id)).toBeNull();
});
