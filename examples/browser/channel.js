// The encrypted way to the router, and one question over it.
import { createSecureFetch } from '@sotto/client';

/** Plain http never leaves this machine. */
const LOOPBACK = ['127.0.0.1', 'localhost'];

/** Kept: a channel remembers the router's key, and what it saw of the router before. */
const channels = new Map();

/**
 * The channel to a router; with an identity, to the router that has it and to no other; with a policy, to a router whose
 * evidence meets it.
 */
export function channelTo(routerUrl, identity, policy) {
  const name = JSON.stringify([routerUrl, identity, policy]);
  const pins = {
    ...(identity === '' ? {} : { pinnedSigners: [identity] }),
    ...(policy === '' ? {} : { attestation: JSON.parse(policy) }),
  };
  const allowHttp = LOOPBACK.includes(new URL(routerUrl).hostname);
  if (!channels.has(name)) channels.set(name, createSecureFetch({ routerUrl, allowHttp, ...pins }));
  return channels.get(name);
}

/** Asks, and yields the text of the answer as it comes. Returns only when the answer is whole. */
export async function* ask(secureFetch, { router, apiKey, model, messages }, signal) {
  const response = await secureFetch(`${router.replace(/\/(v1\/?)?$/, '')}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(apiKey === '' ? {} : { authorization: `Bearer ${apiKey}` }) },
    body: JSON.stringify({ model, messages, stream: true }),
    signal,
  });
  if (!response.ok) throw failure((await response.json()).error);
  let whole = false;
  for await (const data of eventsOf(response.body.pipeThrough(new TextDecoderStream()))) {
    if (data === '[DONE]') whole = true;
    else yield textOf(JSON.parse(data));
  }
  if (!whole) throw failure({ code: 'response_truncated' });
}

function textOf(chunk) {
  if (chunk.error) throw failure(chunk.error);
  return chunk.choices[0]?.delta.content ?? '';
}

/** An error that came out of the ciphertext, in OpenAI's form. */
function failure({ message, code }) {
  return Object.assign(new Error(message), { code });
}

/** The data of server-sent events, each of which OpenAI's API writes on one line. */
async function* eventsOf(stream) {
  const reader = stream.getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split(/\r?\n/);
    rest = lines.pop();
    for (const line of lines) if (line.startsWith('data:')) yield line.slice(5).trim();
  }
}
