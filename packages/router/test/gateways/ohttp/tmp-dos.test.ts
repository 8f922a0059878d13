import { test } from 'vitest';
import { testRouter } from '../../running-router.ts';
import { askPieces, innerMessage, chatInput } from './sealing-client.ts';
test('specks', async () => {
  const router = await testRouter({ protocols: ['ohttp'], upstreams: [{ name: 'u', baseUrl: 'http://127.0.0.1:9/v1', models: ['m'] }] });
  const head = innerMessage({ ...chatInput(), body: '' }).subarray(0, -2);
  const specks = Buffer.alloc(2 * 16_000_000, Buffer.from([1, 0x20]));
  const all = Buffer.concat([specks, Buffer.from([0, 0])]);
  const parts = Array.from({ length: Math.ceil(all.length / 16384) }, (_, i) => all.subarray(i * 16384, (i + 1) * 16384));
  let t = performance.now();
  const a = await askPieces(router.fetch, head, ...parts);
  console.log('pieces', a.status, performance.now() - t, process.memoryUsage().rss / 1e6);
  const pad = Array.from({ length: 1_500_000 }, () => Uint8Array.of(0));
  t = performance.now();
  const b = await askPieces(router.fetch, innerMessage(chatInput()), ...pad);
  console.log('chunks', b.status, performance.now() - t, process.memoryUsage().rss / 1e6);
}, 200_000);
