import { createSecureFetch } from '@sotto/client';
import type OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capableModel, vectorOf } from './model-server.ts';
import { openaiBy } from './openai-ways.ts';
import { API_KEY, type SealedRouter, startSealedRouter } from './sealed-router.ts';
import { startWireTap, type WireTap } from './wire-tap.ts';

const CHATBOT = '/api/v1/chatbot/external/support';
const SECRETS = ['CANARY', API_KEY, 'chatbot', 'embeddings', 'completions', 'conversation', 'support'];
let sealed: SealedRouter;
let tap: WireTap;
let secureFetch: typeof fetch;

beforeAll(async () => {
  sealed = await startSealedRouter({
    aliases: { 'org/alias': ['m'] },
    chatbots: [{ id: 'support', name: 'Support', model: 'org/alias', systemPrompt: 'Be kind.' }],
    admin: { key: 'admin-key-of-a-good-length' },
  });
  sealed.upstream.behave(capableModel(['m']));
  tap = await startWireTap(sealed.url);
  secureFetch = createSecureFetch({ routerUrl: tap.url, allowHttp: true });
});
afterAll(async () => {
  await tap.close();
  await sealed.close();
});
