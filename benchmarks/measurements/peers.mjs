// The router against another gateway from npm, which is fetched into a temporary folder and deleted afterwards.
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { atLeastWithCpu } from '../harness/budget.mjs';
import { run, start, stop } from '../harness/child-process.mjs';
import { PINNED } from '../harness/cpus.mjs';
import { listenOnLoopback } from '../harness/listen.mjs';
import { passThrough, passThroughTable, ratios, WORK } from '../harness/passthrough.mjs';
import { temporaryFolder } from '../harness/temporary-folder.mjs';
import { ROUTER } from '../targets/gateways.mjs';

export const name = 'peers';
export const title = 'Clear passthrough against another gateway';

const PACKAGE = '@portkey-ai/gateway';
const VERSION = '1.15.2';
/** With the newest server adapter that its range allows (1.19), every stream of this version is a 500. */
const OVERRIDES = { '@hono/node-server': '1.13.8' };
const START_WITHIN_MS = 30_000;

/** @param {import('../run.mjs').MeasureOptions} options */
export async function measure({ quick, log }) {
  const plan = quick ? { rounds: 2, seconds: 2, warmUpSeconds: 1 } : { rounds: 4, seconds: 3, warmUpSeconds: 2 };
  const folder = temporaryFolder();
  log(`installing ${PACKAGE} ${VERSION}`);
  const manifest = { private: true, dependencies: { [PACKAGE]: VERSION }, overrides: OVERRIDES };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', folder]);
  const peer = { name: `${PACKAGE} ${VERSION}`, start: (upstream) => startPeer(folder, upstream) };
  const results = await passThrough([peer, ROUTER], { ...plan, log });
  const line = (words, target, { what }) =>
    atLeastWithCpu(
      `${words}, of another gateway`,
      target,
      ratios(results, what, ROUTER.name, peer.name),
      ratios(results, what, peer.name, ROUTER.name, 'cpuPer1000'),
      MISSED,
    );
  const [json32, json128, sseAtOnce] = WORK;
  return {
    tables: [passThroughTable(results)],
    budget: [
      line('clear JSON, 32 at once', 10, json32),
      line('clear JSON, 128 at once', 10, json128),
      line('clear SSE, events at once', 3, sseAtOnce),
    ],
  };
}

async function startPeer(folder, upstream) {
  const url = await freeAddress();
  const program = join(folder, 'node_modules', PACKAGE, 'build', 'start-server.js');
  const cpus = PINNED?.gateway ?? null;
  const child = start(process.execPath, [program, '--headless', `--port=${new URL(url).port}`], {
    cpus,
    stdio: 'ignore',
  });
  await answers(url);
  // The gateway takes the upstream from the request; loopback is allowed by its defaults.
  const headers = { 'x-portkey-provider': 'openai', 'x-portkey-custom-host': upstream };
  return { pid: child.pid, url, headers, stop: () => stop(child) };
}

async function answers(url) {
  for (const begin = performance.now(); performance.now() - begin < START_WITHIN_MS; await wait(100)) {
    try {
      await fetch(url);
      return;
    } catch {
      // not yet
    }
  }
  throw new Error(`${PACKAGE} did not start`);
}

/** The gateway wants to be told its port. */
async function freeAddress() {
  const server = createServer();
  const url = await listenOnLoopback(server);
  await new Promise((resolve) => server.close(resolve));
  return url;
}

const MISSED = 'what the router does for each request, as against the bare proxy. Next: as there';
