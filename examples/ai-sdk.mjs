// @ts-check
// The Vercel AI SDK, end-to-end encrypted, with an answer that comes word by word.
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { secureProviderSettings } from '@sotto/client/ai-sdk';
import { streamText } from 'ai';

const sotto = createOpenAICompatible(
  secureProviderSettings({
    routerUrl: process.env.SOTTO_BASE_URL ?? 'http://127.0.0.1:12434',
    apiKey: process.env.SOTTO_API_KEY ?? 'none',
    allowHttp: true, // for a router on this machine
  }),
);

const { textStream, finishReason } = streamText({
  model: sotto(process.env.SOTTO_MODEL ?? 'sotto-tiny'),
  prompt: 'What is the capital of France?',
  temperature: 0,
});
for await (const text of textStream) process.stdout.write(text);
console.log('\nended because:', await finishReason);
