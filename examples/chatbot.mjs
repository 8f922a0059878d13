// @ts-check
// A conversation with a chatbot: the router keeps it, sealed, and the app keeps an id. docs/chatbots.md says how to make one.
import { createSecureFetch } from '@sotto/client';

const routerUrl = process.env.SOTTO_BASE_URL ?? 'http://127.0.0.1:12434';
const secureFetch = createSecureFetch({ routerUrl, allowHttp: true }); // http for a router on this machine
const chatbots = `${routerUrl}/api/v1/chatbot`;
const headers = { 'x-api-key': process.env.SOTTO_API_KEY ?? 'none', 'content-type': 'application/json' };

/** @param {string} url @param {RequestInit} [init] */
async function ask(url, init) {
  const answer = await secureFetch(url, { headers, ...init });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${answer.status} ${body.error.code}: ${body.error.message}`);
  return body;
}

const [chatbot] = (await ask(`${chatbots}/list`)).chatbots;
console.log(`talking to ${chatbot.name}, ${chatbot.description}`);
const here = `${chatbots}/external/${chatbot.id}`;

/** @type {string | undefined} */
let conversation;
for (const message of ['What is the capital of France?', 'And of Italy?']) {
  const body = JSON.stringify({ message, conversation_id: conversation });
  const turn = await ask(`${here}/chat`, { method: 'POST', body });
  conversation = turn.conversation_id;
  console.log(`${turn.message_count} messages, the last: ${turn.response}`);
}

const kept = await ask(`${here}/conversations/${conversation}`);
console.log('kept:', kept.messages.map((/** @type {{ role: string }} */ { role }) => role).join(', '));
await ask(`${here}/conversations/${conversation}`, { method: 'DELETE' });
console.log('and deleted');
