// Clear requests: the router with everything on against the strongest bare proxy, in front of the same upstream.
import { atLeast, atLeastWithCpu } from '../harness/budget.mjs';
import { passThrough, passThroughTable, ratios, WORK } from '../harness/passthrough.mjs';
import { BARE_PROXY, ROUTER } from '../targets/gateways.mjs';

export const name = 'clear';
export const title = 'Clear passthrough';

const [JSON_32, JSON_128, SSE_AT_ONCE, SSE_PACED] = WORK.map(({ what }) => what);

/** @param {import('../run.mjs').MeasureOptions} options */
export async function measure({ quick, log }) {
  const plan = quick ? { rounds: 2, seconds: 1, warmUpSeconds: 1 } : { rounds: 5, seconds: 3, warmUpSeconds: 6 };
  const results = await passThrough([BARE_PROXY, ROUTER], { ...plan, log });
  const rate = (what) => ratios(results, what, ROUTER.name, BARE_PROXY.name);
  const thrift = (what) => ratios(results, what, BARE_PROXY.name, ROUTER.name, 'cpuPer1000');
  const line = (words, target, what, ifMissed) =>
    atLeastWithCpu(`${words}, of the bare proxy`, target, rate(what), thrift(what), ifMissed);
  return {
    tables: [passThroughTable(results)],
    budget: [
      line('clear JSON, 32 at once', 0.7, JSON_32, JSON_MISSED),
      line('clear JSON, 128 at once', 0.7, JSON_128, JSON_MISSED),
      line('clear SSE, events at once', 0.9, SSE_AT_ONCE, SSE_MISSED),
      // Paced streams come as fast as the upstream writes: what they cost is what tells gateways apart.
      atLeast('clear SSE, paced, CPU of the bare proxy by the router’s', 0.9, thrift(SSE_PACED), SSE_MISSED),
    ],
  };
}

const JSON_MISSED =
  'on top of relaying, a request is parsed, checked, counted in three limits and reserved in a budget, rewritten for alias ' +
  'and salt, its answer parsed for form and usage, and 15 header fields are added: 30 µs in no one place, and as much ' +
  'again in the platform’s share of it. Next: counters that need no promise, fewer layers of async functions';
const SSE_MISSED =
  'each read is held to whole events, counted, and looked through for its end and its usage. Next: fewer looks, and the ' +
  'request’s own costs as above';
