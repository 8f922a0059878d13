import { randomBytes, randomUUID } from 'node:crypto';
import type { Chatbot } from '../../src/chatbots/chatbot.ts';
import type { StoredConversation } from '../../src/chatbots/conversation-store.ts';
import type { UsageBatch, UsageRow } from '../../src/usage/usage-store.ts';
import type { StoredKey } from '../../src/virtual-keys/key-store.ts';

/** A stored key that says only what a test says of it. */
export function storedKey(name: string, more: Partial<StoredKey> = {}): StoredKey {
  return {
    id: `key_${randomBytes(12).toString('hex')}`,
    name,
    hash: randomBytes(32).toString('hex'),
    hint: 'sotto_Ab12',
    models: undefined,
    tiers: undefined,
    defaultTier: undefined,
    requestsPerMinute: undefined,
    requestsPerDay: undefined,
    tokensPerMinute: undefined,
    budget: undefined,
    createdAtMs: 1_000,
    expiresAtMs: null,
    revokedAtMs: null,
    ...more,
  };
}

/** A chatbot that says only what a test says of it. */
export function chatbot(id: string, more: Partial<Chatbot> = {}): Chatbot {
  return {
    id,
    name: 'Helper',
    type: 'assistant',
    description: '',
    model: 'm',
    systemPrompt: 'Be kind.',
    parameters: {},
    tier: undefined,
    ttlSeconds: undefined,
    ...more,
  };
}

/** A conversation at its first turn, sealed to nothing but a byte. */
export function conversation(id: string, more: Partial<StoredConversation> = {}): StoredConversation {
  return {
    id,
    chatbotId: 'bot',
    keyId: 'key_1',
    version: 1,
    sealed: new Uint8Array([1]),
    expiresAtMs: 10_000,
    ...more,
  };
}

/** One request's usage. */
export function usageRow(more: Partial<UsageRow> = {}): UsageRow {
  return {
    day: '2026-01-31',
    keyId: 'key_1',
    model: 'm',
    requests: 1,
    failed: 0,
    cancelled: 0,
    promptTokens: 10,
    cachedTokens: 4,
    completionTokens: 5,
    costNanoUsd: 1_234_567,
    ...more,
  };
}

/** One write of usage, by a process of its own. */
export function usageBatch(rows: readonly UsageRow[], more: Partial<UsageBatch> = {}): UsageBatch {
  return { writer: randomUUID(), number: 1, rows, ...more };
}
