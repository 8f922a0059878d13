// Bytes on the wire: one exchange in clear and one sealed, counted between client and router.
import { SecureChatCompletion } from '@sotto/client';
import { request } from 'undici';
import { startCountingRelay } from '../harness/counting-relay.mjs';
import { startJobs } from '../harness/jobs.mjs';
import { chatRequest, clearRequest } from '../harness/requests.mjs';
import { API_KEY, startRouter } from '../harness/router.mjs';
import { decimal } from '../harness/statistics.mjs';

export const name = 'wire';
export const title = 'Bytes on the wire';

const SIZES = [
  ['1 KiB', 1_024],
  ['100 KiB', 102_400],
];

export async function measure() {
  const upstream = await startJobs(new URL('../targets/upstream.mjs', import.meta.url));
  const origin = await upstream.call('listen');
  try {
    const rows = [];
    for (const [what, bytes] of SIZES) rows.push(...(await rowsOf(what, bytes, origin)));
    const columns = [
      'exchange',
      'protocol',
      'request head',
      'request body',
      'of clear',
      'answer head',
      'answer body',
      'of clear',
    ];
    const caption = 'Bytes after the first exchange, which also fetches the router’s key. “Of clear” is head and body.';
    return { tables: [{ caption, columns, rows }], budget: [] };
  } finally {
    await upstream.stop();
  }
}

async function rowsOf(what, bytes, origin) {
  const router = await startRouter({ upstream: `${origin}/json/${bytes}` });
  const relay = await startCountingRelay(router.url);
  try {
    const options = { baseUrl: relay.url, apiKey: API_KEY, allowHttp: true };
    const client = new SecureChatCompletion({ ...options, protocol: 'nomyo-v1' });
    const ask = () => client.create(chatRequest(bytes));
    await ask();
    const clear = await relay.count(() => askInClear(relay.url, bytes));
    const sealed = await relay.count(ask);
    return [row(what, 'clear', clear, clear), row(what, 'nomyo-v1', sealed, clear)];
  } finally {
    relay.close();
    await router.stop();
  }
}

async function askInClear(url, bytes) {
  const { headers, body } = clearRequest(url, bytes);
  const answer = await request(`${url}/v1/chat/completions`, { method: 'POST', headers, body });
  await answer.body.json();
}

function row(what, protocol, { up, down }, clear) {
  const ratio = (part, other) => decimal((part.head + part.body) / (other.head + other.body));
  const cells = (part, other) => [decimal(part.head, 0), decimal(part.body, 0), ratio(part, other)];
  return [what, protocol, ...cells(up, clear.up), ...cells(down, clear.down)];
}
