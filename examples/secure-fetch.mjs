// @ts-check
// A fetch whose requests only the router can read: for any library that takes one, and for none at all.
import { createSecureFetch } from '@sotto/client';

const routerUrl = process.env.SOTTO_BASE_URL ?? 'http://127.0.0.1:12434';
const secureFetch = createSecureFetch({
  routerUrl,
  allowHttp: true, // for a router on this machine
  // pinnedSigners: ['the identity SHA-256 that the router prints at start'],
});

// What to show to a person before the first secret is typed.
const { suite, postQuantum, trust } = await secureFetch.connection();
console.log(`sealed with ${suite} | post-quantum: ${postQuantum} | the key is ${trust}`);

const answer = await secureFetch(`${routerUrl}/v1/chat/completions`, {
  method: 'POST',
  // Path, header fields and status travel inside the ciphertext too.
  headers: { authorization: `Bearer ${process.env.SOTTO_API_KEY}`, 'content-type': 'application/json' },
  body: JSON.stringify({
    model: process.env.SOTTO_MODEL ?? 'sotto-tiny',
    messages: [{ role: 'user', content: 'What is the capital of France?' }],
    temperature: 0,
  }),
});
const { choices } = await answer.json();
console.log(answer.status, choices[0].message.content);

// It speaks to that one router and to nobody else.
await secureFetch('https://elsewhere.example/v1/models').catch((error) => console.log('elsewhere:', error.code));
