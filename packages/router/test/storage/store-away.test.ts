import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { RouterConfigInput } from '../../src/config/schema.ts';
import type { LogDestination } from '../../src/logs/log-destination.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { UsageLedger } from '../../src/usage/usage-ledger.ts';
import { eventually } from '../eventually.ts';
import { recordedLog } from '../logs/recorded-log.ts';
import { chat, testRouter } from '../running-router.ts';
import { type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';
import { STORAGE_KEY } from './folder.ts';
import { type PostgresServer, startPostgres, withPostgresServer } from './postgres-server.ts';

const ADMIN_KEY = 'admin-key-of-a-good-length';

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly text: string;
}

withPostgresServer(() => {
  let server: PostgresServer;
  let upstream: StandInUpstream;
  let databases = 0;
  const freshDatabase = (): Promise<string> => server.createDatabase(`away_${databases++}`);
  beforeAll(async () => {
    server = await startPostgres();
    upstream = await startStandIn(['m']);
  });
  afterAll(async () => {
    await server.close();
    await upstream.close();
  });

  /** A router over a database of its own, and what it was told in its log. */
  async function routerOver(storage: string, more: Partial<RouterConfigInput> = {}, log?: LogDestination) {
    const reported: string[] = [];
    const router = await testRouter(
      {
        storage,
        storageKey: { key: Buffer.from(STORAGE_KEY).toString('base64') },
        admin: { key: ADMIN_KEY },
        keys: [{ name: 'configured', key: 'sotto_configured_key' }],
        chatbots: [{ id: 'bot', name: 'Bot', model: 'm' }],
        upstreams: [{ name: 'model', baseUrl: upstream.baseUrl, models: ['m'], probe: false }],
        ...more,
      },
      { onInternalError: (where) => reported.push(where), log },
    );
    const ask = async (target: string, body?: unknown, key = ADMIN_KEY): Promise<Answer> => {
      const [method = 'GET', path = ''] = target.split(' ');
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
      const answer = await router.fetch(
        new Request(`http://router.test${path}`, {
          method,
          headers,
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      );
      const text = await answer.text();
      return { status: answer.status, text, body: text.startsWith('{') ? (JSON.parse(text) as Answer['body']) : {} };
    };
    return { ask, reported };
  }
  const code = ({ body }: Answer): unknown => (body['error'] as { code?: unknown } | undefined)?.code;

  describe('a router whose database goes', () => {
    test('serves from memory, says so, and has every request counted once when it is back', async () => {
      const { ask, reported } = await routerOver(await freshDatabase());
      const key = String((await ask('POST /admin/v1/keys', { name: 'stored' })).body['key']);
      const say = (): Promise<Answer> => ask('POST /v1/chat/completions', chat('hello'), key);
      expect((await say()).status).toBe(200);
      expect((await ask('GET /health/ready')).body).toEqual({ status: 'ok', upstreams: 'ok', store: 'ok' });

      await server.kill();
      const during = await Promise.all(Array.from({ length: 20 }, say));
      expect(during.map(({ status }) => status)).toEqual(during.map(() => 200));
      const written = await ask('POST /admin/v1/keys', { name: 'late' });
      expect([written.status, code(written)]).toEqual([503, 'store_unavailable']);
      expect(code(await ask('POST /api/v1/chatbot/external/bot/chat', { message: 'hello' }, key))).toBe(
        'store_unavailable',
      );
      await eventually('it is noticed', async () => (await ask('GET /health/ready')).body['status'] === 'degraded');
      expect(await ask('GET /health/ready')).toMatchObject({ status: 200, body: { store: 'unavailable' } });
      expect(await ask('GET /health/db')).toMatchObject({ status: 503, body: { status: 'unavailable' } });
      const told = (await ask('GET /metrics')).text;
      expect(told).toMatch(/^sotto_store_up 0$/m);
      expect(told).toMatch(/^sotto_usage_rows_waiting [1-9]/m);

      await server.start();
      await eventually('it is back', async () => (await ask('GET /health/ready')).body['status'] === 'ok');
      expect((await ask('GET /health/db')).status).toBe(200);
      expect((await ask('GET /metrics')).text).toMatch(/^sotto_store_up 1$/m);
      expect((await say()).status).toBe(200);
      const usage = await ask('GET /admin/v1/usage');
      // The chatbot's answer was given, and then could not be kept: its tokens were used.
      expect(usage.body['totals']).toMatchObject({ requests: upstream.seen.length });
      expect((await ask('POST /admin/v1/keys', { name: 'late' })).status).toBe(201);
      expect(reported.some((line) => /^storage: .*goes on from memory$/.test(line))).toBe(true);
      expect(reported.join('\n')).not.toContain('right-word');
    });

    test('is not kept waiting by one that hangs, and logs when it went and when it is back', async () => {
      const log = recordedLog();
      const { ask, reported } = await routerOver(await freshDatabase(), {}, log);
      server.freeze();
      onTestFinished(() => server.thaw());
      await eventually('it is noticed', async () => (await ask('GET /health/ready')).body['store'] === 'unavailable');
      const begun = performance.now();
      expect((await ask('GET /health/ready')).status).toBe(200);
      expect((await ask('POST /v1/chat/completions', chat('hello'), 'sotto_configured_key')).status).toBe(200);
      expect(performance.now() - begun).toBeLessThan(900);
      const written = await ask('POST /admin/v1/keys', { name: 'hung' });
      expect([written.status, code(written)]).toEqual([503, 'store_unavailable']);
      server.thaw();
      await eventually('it is back', async () => (await ask('GET /health/ready')).body['status'] === 'ok');
      const usage = await ask('GET /admin/v1/usage');
      expect(usage.body['totals']).toMatchObject({ requests: 1 });
      expect(log.lines.filter(({ event }) => event.startsWith('store_'))).toMatchObject([
        { event: 'store_away', level: 'warn', fault: expect.stringMatching(/^no answer/) as unknown },
        { event: 'store_back', level: 'info' },
      ]);
      expect(reported).toEqual([]);
    });
  });

  test('usage is counted once, however many connections are lost while it is written', async () => {
    const url = await freshDatabase();
    const store = await openStore(url, STORAGE_KEY);
    onTestFinished(() => store.close());
    const ledger = new UsageLedger(store.usage, { flushMs: 3_600_000 });
    const entry = { keyId: 'k', model: 'm', outcome: 'answered', tokens: null, costNanoUsd: 3 } as const;
    let failed = 0;
    let ended = false;
    const cutting = (async () => {
      while (!ended) {
        await server.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sotto'");
      }
    })();
    for (let round = 0; round < 400; round++) {
      ledger.record(entry);
      await ledger.flush().catch(() => failed++);
    }
    ended = true;
    await cutting;
    await ledger.flush();
    expect(failed).toBeGreaterThan(0);
    expect(await ledger.list({ limit: 10 })).toMatchObject([{ requests: 400, costNanoUsd: 1_200 }]);
  });

  describe('a router that starts without its database', () => {
    test('waits for it', async () => {
      const url = await freshDatabase();
      await server.kill();
      const starting = routerOver(url, { storageWaitSeconds: 20 });
      await server.start();
      const { ask } = await starting;
      expect((await ask('GET /health/ready')).body['status']).toBe('ok');
    });

    test('does not wait for ever', async () => {
      const url = await freshDatabase();
      await server.kill();
      onTestFinished(() => server.start());
      const waited: Error[] = [];
      const opening = openStore(url, STORAGE_KEY, { waitMs: 300, onWaiting: (error) => waited.push(error) });
      await expect(opening).rejects.toMatchObject({ code: 'invalid_config' });
      await expect(opening).rejects.toThrow(/^storage: the server cannot be reached/);
      expect(waited).toHaveLength(1);
    });
  });
});
