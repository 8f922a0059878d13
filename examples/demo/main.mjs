// One sealed exchange, seen from the app, from the wire, and from the app again.
import { SecureChatCompletion } from '@sotto/client';
import { createRouter, serve } from '@sotto/router';
import { startWiretap } from './wiretap.mjs';

const QUESTION = 'What is the capital of France?';
const API_KEY = 'sotto_demo_key_for_this_process_only';
const bold = (text) => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text);
const section = (title) => console.log(`\n${bold(title)}`);
const indent = (text) => text.replace(/^/gm, '    ');

section('Starting a router with a language model inside its own process');
const router = await createRouter({
  listen: '127.0.0.1:0',
  keys: [{ name: 'demo', key: API_KEY }],
  upstreams: [{ name: 'builtin', type: 'builtin' }],
});
const server = await serve(router);
const wiretap = await startWiretap(Number(new URL(server.url).port));
const [model] = await router.models();
console.log(indent(`model ${model}\nidentity SHA-256 ${router.signerFingerprint}`));

section('What the app asks');
const client = new SecureChatCompletion({
  baseUrl: `http://127.0.0.1:${wiretap.port}`,
  allowHttp: true,
  apiKey: API_KEY,
  pinnedSigners: [router.signerFingerprint],
});
const request = { model, messages: [{ role: 'user', content: QUESTION }], temperature: 0, security_tier: 'maximum' };
console.log(indent(JSON.stringify(request, null, 2)));
const answer = await client.create(request);
const said = answer.choices[0].message.content;

section('What an eavesdropper on the wire saw');
const [head, ...body] = wiretap.sent().slice(wiretap.sent().indexOf('POST ')).split('\r\n\r\n');
const bytes = Buffer.from(body.join('\r\n\r\n'), 'latin1');
console.log(indent(`${head.replaceAll('\r', '')}\n\n${bytes.toString('hex', 0, 40)} … (${bytes.length} bytes)`));
for (const [what, text] of [
  ['question', QUESTION],
  ['answer', said],
  ['model', model],
  ['API key', API_KEY],
]) {
  const seen = `${wiretap.sent()}${wiretap.answered()}`.includes(text);
  console.log(indent(`the ${what} in clear on the wire: ${seen ? 'YES' : 'no'}`));
  if (seen) process.exitCode = 1;
}

section('What came back to the app');
console.log(indent(said));
console.log(indent(JSON.stringify(answer._metadata, null, 2)));

wiretap.close();
await server.close();
process.exit();
