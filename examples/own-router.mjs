// @ts-check
// A router in ten lines: a language model inside this very process, for whoever has the key.
import { createRouter, serve } from '@sotto/router';

const router = await createRouter({
  listen: process.env.SOTTO_LISTEN ?? '127.0.0.1:12434',
  keys: [{ name: 'me', key: process.env.SOTTO_API_KEY ?? 'sotto_change_this_key' }],
  upstreams: [{ name: 'builtin', type: 'builtin' }], // or { name: 'vllm', baseUrl: 'http://127.0.0.1:8000/v1' }
});
const server = await serve(router);
console.log(`router on ${server.url}, RSA key SHA-256 ${router.rsaFingerprint}`);
// A listener that stays: with `once`, libraries would end the process before what is under way is over.
process.on('SIGTERM', () => server.close().then(() => process.exit()));
