// The gateways that are given the same work, each started in front of a stand-in's base URL.
import { PINNED } from '../harness/cpus.mjs';
import { startJobs } from '../harness/jobs.mjs';
import { startRouter } from '../harness/router.mjs';

const cpus = PINNED?.gateway ?? null;

export const ROUTER = {
  name: 'Sotto router, everything on',
  start: (upstream) => startRouter({ upstream, cpus }),
};

export const BARE_PROXY = {
  name: 'bare proxy',
  async start(upstream) {
    const jobs = await startJobs(new URL('./bare-proxy.mjs', import.meta.url), { cpus });
    return { ...jobs, url: await jobs.call('listen', { upstream }) };
  },
};
