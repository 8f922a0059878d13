import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { send } from '../../http-client.ts';
import { sealFor, sealText, type WireRequest } from '../../nomyo-client.ts';
import { chat, type RunningRouter, startRouter, upstreamsAt } from '../../running-router.ts';
import { type StandInUpstream, startStandIn } from '../../stand-in-upstream.ts';

const STATUSES = [200, 400, 401, 403, 404, 413, 429, 500, 503];
const RUNS = { numRuns: 60 };

let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn();
});
afterAll(() => upstream.close());

async function start(): Promise<{ running: RunningRouter; good: WireRequest }> {
  const running = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
  return { running, good: await sealFor(running.url, chat('x')) };
}

/** Whatever was sent: an answer came, it is one this wire knows, and nothing went wrong inside. */
async function expectUnharmed(
  running: RunningRouter,
  body: string | Uint8Array,
  headers: Record<string, string>,
): Promise<void> {
  const answer = await send(`${running.url}/v1/chat/secure_completion`, { body, headers });
  expect(STATUSES).toContain(answer.status);
  if (answer.status !== 200) expect(typeof answer.json()['detail']).toBe('string');
  expect(running.internalErrors).toEqual([]);
}

describe('nothing that a client sends does harm', () => {
  test('as a body', async () => {
    const { running, good } = await start();
    const body = fc.oneof(fc.string(), fc.uint8Array({ maxLength: 500 }), fc.json());
    await fc.assert(
      fc.asyncProperty(body, (bytes) => expectUnharmed(running, bytes, good.headers)),
      RUNS,
    );
  });

  test('as any member of an envelope', async () => {
    const { running, good } = await start();
    const envelope = JSON.parse(good.body) as Record<string, unknown> & { encrypted_payload: object };
    const member = fc.constantFrom('version', 'algorithm', 'encrypted_payload', 'encrypted_aes_key', 'key_algorithm');
    const inner = fc.constantFrom('ciphertext', 'nonce', 'tag');
    const value = fc.oneof(fc.jsonValue(), fc.base64String());
    const changed = fc.oneof(
      fc.tuple(member, value).map(([name, replacement]) => ({ ...envelope, [name]: replacement })),
      fc.tuple(inner, value).map(([name, replacement]) => ({
        ...envelope,
        encrypted_payload: { ...envelope.encrypted_payload, [name]: replacement },
      })),
    );
    await fc.assert(
      fc.asyncProperty(changed, (members) => expectUnharmed(running, JSON.stringify(members), good.headers)),
      RUNS,
    );
  });

  test('as a sealed payload', async () => {
    const { running } = await start();
    const payload = fc.oneof(
      fc.string(),
      fc.uint8Array({ maxLength: 200 }),
      fc.json(),
      fc
        .dictionary(fc.constantFrom('model', 'messages', 'stream', 'security_tier', '_sotto'), fc.jsonValue())
        .map((members) => JSON.stringify({ ...chat('x'), ...members })),
    );
    await fc.assert(
      fc.asyncProperty(payload, async (text) => {
        const { body, headers } = await sealText(running.url, text);
        await expectUnharmed(running, body, headers);
      }),
      RUNS,
    );
  });

  test('as a header field', async () => {
    const { running, good } = await start();
    const name = fc.constantFrom('x-public-key', 'x-payload-id', 'x-security-tier', 'authorization', 'content-type');
    const value = fc.string({ unit: 'grapheme-ascii', maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(name, value, (field, text) =>
        expectUnharmed(running, '{}', { ...good.headers, [field]: text.trim() }),
      ),
      RUNS,
    );
  });
});
