import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createRouter } from '../../src/app.ts';
import type { RouterConfigInput } from '../../src/config/schema.ts';
import type { Router } from '../../src/router.ts';
import { eventually } from '../eventually.ts';
import { chatInput, codeOf, open, outerRequest, recipientOf, seal } from '../gateways/ohttp/sealing-client.ts';
import { type RedisServer, startRedisServer, withRedisServer } from '../redis-server.ts';
import { type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

let upstream: StandInUpstream;
let server: RedisServer;
let secret: string;

async function replica(more: Partial<RouterConfigInput> = {}): Promise<Router> {
  const router = await createRouter({
    auth: 'open',
    protocols: ['ohttp', 'clear'],
    upstreams: [{ name: 'u', baseUrl: upstream.baseUrl, models: ['m'], probe: false }],
    redis: server.url,
    cluster: { secret: { key: secret } },
    ...more,
  });
  onTestFinished(() => router.close());
  return router;
}

async function claims(router: Router): Promise<unknown> {
  const statement = (await (await router.fetch(new Request('http://router.test/pki/keys'))).json()) as {
    claims: string;
  };
  return JSON.parse(Buffer.from(statement.claims, 'base64url').toString());
}

const keys = async (router: Router): Promise<string> => JSON.stringify(await claims(router));

describe('a cluster', () => {
  withRedisServer(() => {
    beforeAll(async () => {
      upstream = await startStandIn();
    });
    afterAll(() => upstream.close());
    beforeEach(async () => {
      server = await startRedisServer();
      secret = randomBytes(32).toString('base64');
      onTestFinished(() => server.kill());
    });

    test('states one set of keys, and each opens what was sealed to another, once among them', async () => {
      const [one, other] = [await replica(), await replica()];
      expect(await keys(other)).toBe(await keys(one));
      expect(other.signerFingerprint).toBe(one.signerFingerprint);
      const sealed = await seal(await recipientOf(one.fetch), chatInput());
      expect((await open(sealed, await other.fetch(outerRequest(sealed.body)))).status).toBe(200);
      const again = await open(sealed, await one.fetch(outerRequest(sealed.body)));
      expect([again.status, codeOf(again)]).toEqual([400, 'replayed_request']);
    });

    test('rotates together, and nobody tells of a key that another cannot open', async () => {
      const [one, other] = [await replica(), await replica()];
      const before = await keys(one);
      await one.rotateKeys();
      expect(await keys(one)).toBe(before);
      const both = async (): Promise<readonly string[]> => [await keys(one), await keys(other)];
      await eventually('both list the new keys', async () => (await both()).every((each) => each !== before));
      expect(await keys(other)).toBe(await keys(one));
      const third = await replica();
      expect(await keys(third)).toBe(await keys(one));
    });

    test('puts nothing into Redis that could be read there, nor keeps it longer than it lives', async () => {
      await replica({ protocols: ['ohttp', 'nomyo-v1'] });
      const { Redis } = await import('ioredis');
      const client = new Redis(server.url);
      onTestFinished(() => client.disconnect());
      const names = (await client.keys('sotto:cluster:*')).sort();
      expect(names.map((name) => name.replace(/\d+-\d+$/, 'ID'))).toEqual([
        'sotto:cluster:sotto:generation:ID',
        'sotto:cluster:sotto:generations',
        'sotto:cluster:sotto:standing',
      ]);
      for (const name of names) expect(await client.pttl(name)).toBeGreaterThan(0);
      expect(await client.pttl(names[0] ?? '')).toBeLessThanOrEqual(90_000_000);
      for (const name of [names[0] ?? '', names[2] ?? '']) {
        const text = (await client.getBuffer(name))?.toString('latin1') ?? '';
        expect(text.length).toBeGreaterThan(200);
        for (const word of ['secrets', 'PRIVATE', 'epoch', '"']) expect(text.includes(`${word}:`)).toBe(false);
      }
    });

    test('goes on with its keys while Redis is away, and tells a Redis that comes back empty', async () => {
      const one = await replica();
      const before = await keys(one);
      await server.kill();
      const sealed = await seal(await recipientOf(one.fetch), chatInput());
      expect((await open(sealed, await one.fetch(outerRequest(sealed.body)))).status).toBe(200);
      await server.start();
      await eventually('Redis is told', async () => {
        const answer = await one.fetch(new Request('http://router.test/health/ready'));
        return ((await answer.json()) as { redis?: string }).redis === 'ok';
      });
      const { Redis } = await import('ioredis');
      const client = new Redis(server.url);
      onTestFinished(() => client.disconnect());
      await eventually('the keys are up', async () => (await client.keys('sotto:cluster:*')).length === 3);
      const other = await replica();
      expect(await keys(other)).toBe(before);
      expect(other.signerFingerprint).toBe(one.signerFingerprint);
    });

    test('takes in nobody with another secret, with another key file, or before Redis is reached', async () => {
      await replica();
      const refused = { code: 'invalid_config' };
      secret = randomBytes(32).toString('base64');
      await expect(replica()).rejects.toMatchObject(refused);
      await expect(replica({ cluster: { secret: { key: 'c2hvcnQ=' } } })).rejects.toMatchObject(refused);
      await server.kill();
      await expect(replica()).rejects.toMatchObject(refused);
      await expect(replica({ redis: undefined })).rejects.toMatchObject(refused);
    });

    test('takes no record that was not sealed for its place', async () => {
      const one = await replica();
      const before = await keys(one);
      const { Redis } = await import('ioredis');
      const client = new Redis(server.url);
      onTestFinished(() => client.disconnect());
      const [name = ''] = await client.keys('sotto:cluster:sotto:generation:*');
      const record = (await client.getBuffer(name)) ?? Buffer.alloc(0);
      for (const [id, bytes] of [
        ['9000000000-7', record],
        ['9000000001-7', Buffer.alloc(200)],
        ['9000000002-7', Buffer.alloc(3)],
      ] as const) {
        await client.set(`sotto:cluster:sotto:generation:${id}`, bytes);
        await client.zadd('sotto:cluster:sotto:generations', Number(id.slice(0, 10)), id);
      }
      const other = await replica();
      expect(await keys(other)).toBe(before);
      // Nor does one that calls itself newer than all keep them from rotating.
      await client.zadd('sotto:cluster:sotto:generations', 9_000_000_002, '9000000002-7');
      await one.rotateKeys();
      const both = async (): Promise<readonly string[]> => [await keys(one), await keys(other)];
      await eventually('both list the new keys', async () => (await both()).every((each) => each !== before));
    });

    test('of another name shares nothing', async () => {
      const [one, other] = [await replica(), await replica({ cluster: { name: 'other', secret: { key: secret } } })];
      expect(other.signerFingerprint).not.toBe(one.signerFingerprint);
    });
  });
});
