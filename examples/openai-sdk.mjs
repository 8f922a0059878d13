// @ts-check
// The official openai SDK, end-to-end encrypted: one line differs from what you have.
import { secureOpenAIOptions } from '@sotto/client/openai';
import OpenAI from 'openai';

const openai = new OpenAI(
  secureOpenAIOptions({
    routerUrl: process.env.SOTTO_BASE_URL ?? 'http://127.0.0.1:12434',
    apiKey: process.env.SOTTO_API_KEY ?? 'none', // travels inside the ciphertext
    allowHttp: true, // for a router on this machine; leave it out where the router has https
    // pinnedSigners: ['the identity SHA-256 that the router prints at start'],
  }),
);

const model = process.env.SOTTO_MODEL ?? 'sotto-tiny';
const answer = await openai.chat.completions.create({
  model,
  messages: [{ role: 'user', content: 'What is the capital of France?' }],
  temperature: 0,
});
console.log(answer.choices[0]?.message.content);

for await (const { id } of openai.models.list()) if (id === model) console.log('the router offers', id);

try {
  await openai.models.retrieve('no-such-model');
} catch (error) {
  if (error instanceof OpenAI.NotFoundError) console.log('no-such-model:', error.status, error.code);
  else throw error;
}
