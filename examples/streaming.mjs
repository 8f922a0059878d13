// @ts-check
// An answer that comes word by word, each word sealed by itself, and one that is given up half-way.
import { SecureChatCompletion } from '@sotto/client';

const client = new SecureChatCompletion({
  baseURL: process.env.SOTTO_BASE_URL ?? 'http://127.0.0.1:12434',
  allowHttp: true, // for a router on this machine
});
/** @type {import('@sotto/client').ChatMessage[]} */
const messages = [{ role: 'user', content: 'What is the capital of France?' }];
const request = { model: process.env.SOTTO_MODEL ?? 'sotto-tiny', messages, temperature: 0 };

let pieces = 0;
for await (const chunk of await client.create({ ...request, stream: true })) {
  const text = chunk.choices[0]?.delta.content ?? '';
  if (text !== '') pieces++;
  process.stdout.write(text);
}
// A stream that is cut off throws: whoever comes here has the whole answer.
console.log(`\ncame in several pieces: ${pieces > 1}`);

// Leaving the loop is enough: the router stops the model.
for await (const chunk of await client.create({ ...request, stream: true })) {
  if ((chunk.choices[0]?.delta.content ?? '') === '') continue;
  console.log('the first word was enough');
  break;
}
