// @ts-check
// One question, one answer. Nobody between this program and the router's process reads either.
import { SecureChatCompletion } from '@sotto/client';

const client = new SecureChatCompletion({
  baseURL: process.env.SOTTO_BASE_URL ?? 'http://127.0.0.1:12434',
  allowHttp: true, // for a router on this machine; leave it out where the router has https
  // apiKey: by default the environment variable SOTTO_API_KEY
});

const answer = await client.create({
  model: process.env.SOTTO_MODEL ?? 'sotto-tiny',
  messages: [
    { role: 'system', content: 'You answer in one short sentence.' },
    { role: 'user', content: 'What is the capital of France?' },
  ],
  temperature: 0,
  security_tier: 'standard',
});

console.log(answer.choices[0]?.message.content);
console.log('encrypted:', answer._metadata.is_encrypted, '| tier:', answer._metadata.security_tier);
