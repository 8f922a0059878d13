import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { completionEvents, type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import { databaseText, sendTo, startKept } from './kept-router.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type RunningRouter, startConfigured } from './sotto.ts';
import { describeWithProcesses, isRunning, servingWorkers, workersOf } from './worker-processes.ts';

const KEY = 'sotto_killed_workers';
/** A name that stands nowhere in the database but in rows of usage. */
const LAST_MODEL = 'model-of-the-last-stream';
const SLOW = { timeout: 20_000, interval: 20 };
/** What a worker finished in so much time before it was killed may be missing from the books: they are kept each second. */
const UNKEPT_MS = 1_500;

const folder = scratchFolder();
let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn(['m', LAST_MODEL]);
});
afterAll(() => upstream.close());

const question = (more: object = {}) => ({ model: 'm', messages: [{ role: 'user', content: 'hello' }], ...more });

describeWithProcesses('two workers', () => {
  let router: RunningRouter;
  beforeAll(async () => {
    const keys = [
      { name: 'busy', key: KEY },
      { name: 'few', key: `${KEY}_few`, limits: { requestsPerMinute: 3 } },
      { name: 'metered', key: `${KEY}_metered`, limits: { tokensPerMinute: 100_000 } },
    ];
    router = await startKept({
      folder,
      baseUrl: upstream.baseUrl,
      models: ['m', LAST_MODEL],
      config: { keys, shutdownGraceSeconds: 2 },
      args: ['--workers', '2'],
    });
  });
  afterAll(() => router.stop('SIGKILL'));

  const usedRequests = async (): Promise<number> => {
    const { json } = await sendTo(router, 'GET /admin/v1/usage?model=m');
    return (json['totals'] as { requests: number }).requests;
  };

  const ask = (key = KEY): Promise<number> =>
    sendTo(router, 'POST /v1/chat/completions', { key, body: question() }).then(
      ({ status }) => status,
      () => 0,
    );
  const bothServing = async (): Promise<readonly number[]> => {
    let pids: readonly number[] = [];
    const look = async (): Promise<number> => {
      pids = await servingWorkers(router, () => ask());
      return pids.length;
    };
    await expect.poll(look, SLOW).toBe(2);
    return pids;
  };

  test('lose the requests of the one that is killed, and none but these; limits and books go on', async () => {
    expect([await ask(`${KEY}_few`), await ask(`${KEY}_few`)]).toEqual([200, 200]);
    const over: { readonly status: number; readonly began: number; readonly ended: number }[] = [];
    let isOver = false;
    const caller = async (): Promise<void> => {
      while (!isOver) {
        const began = performance.now();
        const status = await ask();
        over.push({ status, began, ended: performance.now() });
      }
    };
    const callers = [caller(), caller(), caller(), caller()];
    // So long that most of them are kept when it dies.
    await expect.poll(() => performance.now() - (over[0]?.began ?? Infinity), SLOW).toBeGreaterThan(2 * UNKEPT_MS);
    const [victim = 0] = workersOf(router);
    const [killed, killedAt] = [performance.now(), Date.now()];
    process.kill(victim, 'SIGKILL');
    expect((await router.event('worker_restarted')).pid).toBe(victim);
    const noticed = performance.now();
    await expect.poll(() => workersOf(router).length, SLOW).toBe(2);
    isOver = true;
    await Promise.all(callers);

    const lost = over.filter(({ status }) => status !== 200);
    // One of each caller at most, and none that began after the death was noticed: all got no answer at all.
    expect(lost.length).toBeLessThanOrEqual(callers.length);
    for (const { status, began, ended } of lost) {
      expect([status, began <= noticed, ended >= killed]).toEqual([0, true, true]);
    }
    const answered = over.filter(({ status }) => status === 200);
    expect(answered.filter(({ began }) => began > noticed).length).toBeGreaterThan(callers.length);

    const all = answered.length + 2;
    const itsLast = router.events.filter(
      ({ event, worker, time }) =>
        event === 'request' && worker === victim && Date.parse(String(time)) > killedAt - UNKEPT_MS,
    );
    const unkept = itsLast.length;
    // What a worker has yet to keep, only itself can tell: ask until both have kept all.
    await expect.poll(usedRequests, SLOW).toBeGreaterThanOrEqual(all - unkept);
    expect(await usedRequests()).toBeLessThanOrEqual(all + lost.length);

    const few = [];
    for (let asked = 0; asked < 4; asked++) few.push(await ask(`${KEY}_few`));
    expect(few).toEqual([200, 429, 429, 429]);
  });

  test('come back when the machine has room for processes again, and the first process waits for that', async () => {
    const [victim = 0, other = 0] = await bothServing();
    const files = (limit: string) => spawnSync('prlimit', ['--pid', String(router.pid), `--nofile=${limit}`]);
    if (files('8:').status !== 0) {
      process.stdout.write('skipped: there is no prlimit to take files from a process with\n');
      return;
    }
    process.kill(victim, 'SIGKILL');
    await expect.poll(() => router.written().includes('worker_not_started'), SLOW).toBe(true);
    expect(workersOf(router)).toEqual([other]);
    expect(files('4096:').status).toBe(0);
    await bothServing();
  });

  test('finish what is under way when the first process is killed, end what takes too long, and leave nobody', async () => {
    const workers = await bothServing();
    const [begin, ...rest] = completionEvents(['begun', ' ended'], LAST_MODEL);
    const finish: (() => void)[] = [];
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(begin);
      finish.push(() => response.end(`${rest.join('')}data: [DONE]\n\n`));
    });
    const open = (): Promise<Response> =>
      fetch(`${router.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${KEY}_metered`, 'content-type': 'application/json' },
        body: JSON.stringify(question({ model: LAST_MODEL, stream: true })),
      });
    const streams = [await open(), await open(), await open(), await open()];
    const killed = performance.now();
    // Its outputs are open as long as one of its workers has them.
    const outputsClosed = router.stop('SIGKILL');
    await expect.poll(() => isRunning(router.pid), SLOW).toBe(false);
    for (const end of finish.slice(0, 2)) end();
    const texts = streams.map((stream) => stream.text());
    const outcomes = await Promise.allSettled(texts);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
    for (const whole of texts.slice(0, 2)) expect(await whole).toMatch(/ ended[\s\S]*\[DONE\]/);
    await expect.poll(() => workers.filter(isRunning), SLOW).toEqual([]);
    expect(await outputsClosed).toBeNull();
    // They were ended in words, and not by a worker that broke at what it could tell nobody any more.
    expect(router.events.filter(({ code }) => code === 'shutting_down')).toHaveLength(2);
    // The grace is two seconds, and so is what last words may take.
    expect(performance.now() - killed).toBeLessThan(10_000);
    expect(databaseText(folder)).toContain(LAST_MODEL);
  });
});

describeWithProcesses('all workers at once', () => {
  test('come back at the address that was told, however long they cannot, and nothing spins meanwhile', async () => {
    const config = {
      listen: '127.0.0.1:0',
      auth: 'open',
      protocols: ['clear'],
      upstreams: [{ name: 'model', baseUrl: upstream.baseUrl, models: ['m'] }],
    };
    const router = await startConfigured(`${folder}/all.json`, config, { args: ['--workers', '2'] });
    onTestFinished(() => void router.stop('SIGKILL'));
    const told = (name: string) => router.events.filter(({ event }) => event === name);
    /** When each died, in milliseconds. */
    const deaths = (): readonly number[] => told('worker_restarted').map(({ time }) => Date.parse(String(time)));
    const { hostname, port } = new URL(router.url);
    for (const worker of workersOf(router)) process.kill(worker, 'SIGKILL');
    await expect.poll(() => deaths().length, SLOW).toBeGreaterThanOrEqual(2);

    // Somebody else takes the address: whoever comes now dies at its start.
    const squatter = createServer((_request, response) => response.end('not a router'));
    await new Promise<void>((resolve, reject) => {
      squatter.once('error', reject).listen(Number(port), hostname, resolve);
    });
    expect(await router.event('worker_crash_loop')).toMatchObject({ deaths: 5, delay_ms: 4_000 });
    const [first = 0, , third = 0, , fifth = 0, ...more] = deaths();
    // Before the third there was a quarter of a second, before the fifth a whole one: nothing was tried in between.
    expect([third - first >= 250, fifth - third >= 1_000, more]).toEqual([true, true, []]);
    expect(told('worker_crash_loop')).toHaveLength(1);
    expect(isRunning(router.pid)).toBe(true);

    squatter.closeAllConnections();
    await new Promise((resolve) => squatter.close(resolve));
    const health = (): Promise<number> =>
      fetch(`${router.url}/health`).then(
        ({ status }) => status,
        () => 0,
      );
    await expect.poll(health, SLOW).toBe(200);
    expect(await router.stop()).toBe(0);
  });
});
