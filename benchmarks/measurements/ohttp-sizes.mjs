// ohttp: bytes on the wire, counted between client and router, and bytes in the browser.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createSecureFetch } from '@sotto/client';
import { request } from 'undici';
import { atMost } from '../harness/budget.mjs';
import { run } from '../harness/child-process.mjs';
import { startCountingRelay } from '../harness/counting-relay.mjs';
import { startJobs } from '../harness/jobs.mjs';
import { clearRequest } from '../harness/requests.mjs';
import { startRouter } from '../harness/router.mjs';
import { decimal } from '../harness/statistics.mjs';
import { classicalOnly } from './ohttp-classical.mjs';

export const name = 'ohttp-sizes';
export const title = 'ohttp: bytes on the wire and in the browser';

const LARGE = '100 KiB';
const SIZES = [
  ['1 KiB', 1_024],
  [LARGE, 102_400],
];
const CLIENT_FOLDER = dirname(createRequire(import.meta.url).resolve('@sotto/client/package.json'));
/** What the script prints of each bundle: name, bytes, gzip, brotli, verdict, budget. */
const BUNDLE_LINE = /^(.+): (\d+) bytes, gzip (\d+), brotli (\d+): (\w+) (\d+)$/gm;

/** @param {import('../run.mjs').MeasureOptions} options */
export async function measure({ log }) {
  log('exchanges');
  const exchanges = await countExchanges();
  log('bundles');
  const bundles = await bundleSizes();
  return findings(exchanges, bundles);
}

async function countExchanges() {
  const upstream = await startJobs(new URL('../targets/upstream.mjs', import.meta.url));
  try {
    const origin = await upstream.call('listen');
    const exchanges = [];
    for (const [what, bytes] of SIZES) exchanges.push(...(await exchangesOf(what, bytes, origin)));
    return exchanges;
  } finally {
    await upstream.stop();
  }
}

async function exchangesOf(what, bytes, origin) {
  const router = await startRouter({ upstream: `${origin}/json/${bytes}` });
  const relay = await startCountingRelay(router.url);
  try {
    const { headers, body } = clearRequest(relay.url, bytes);
    const url = `${relay.url}/v1/chat/completions`;
    const sealed = (options) => {
      const secureFetch = createSecureFetch({ routerUrl: relay.url, allowHttp: true, ...options });
      return async () => (await secureFetch(url, { method: 'POST', headers, body })).arrayBuffer();
    };
    const ways = {
      clear: async () => (await request(url, { method: 'POST', headers, body })).body.arrayBuffer(),
      X25519: sealed({ runtime: { hpke: classicalOnly } }),
      hybrid: sealed({ pqKem: 'required' }),
    };
    const counted = [];
    for (const [kind, ask] of Object.entries(ways)) {
      // The first one also fetches the router's keys.
      await ask();
      counted.push({ what, kind, ...(await relay.count(ask)) });
    }
    const [clear] = counted;
    return counted.map((each) => ({ ...each, clear }));
  } finally {
    relay.close();
    await router.stop();
  }
}

/** @returns {Promise<{ bundle: string, bytes: number, gzip: number, brotli: number, most: number }[]>} */
async function bundleSizes() {
  // The script's status says whether a bundle is over its budget: that is for the table here to say.
  const wrapper = 'import(process.argv[1]).then(() => { process.exitCode = 0; })';
  const output = await run(process.execPath, ['-e', wrapper, join(CLIENT_FOLDER, 'scripts', 'bundle-size.mjs')]);
  const bundles = [...output.matchAll(BUNDLE_LINE)].map(([, bundle, bytes, gzip, brotli, , most]) => ({
    bundle,
    bytes: Number(bytes),
    gzip: Number(gzip),
    brotli: Number(brotli),
    most: Number(most),
  }));
  if (bundles.length === 0) throw new Error('the script that measures bundles prints lines of another form');
  return bundles;
}

const total = ({ up, down }) => up.head + up.body + down.head + down.body;

function findings(exchanges, bundles) {
  const large = exchanges.filter(({ what, kind }) => what === LARGE && kind !== 'clear');
  return {
    tables: [
      {
        caption:
          'Bytes after the first exchange, which also fetches the router’s keys. “Of clear” is all four together.',
        columns: ['exchange', 'sent', 'request head', 'request body', 'answer head', 'answer body', 'of clear'],
        rows: exchanges.map((exchange) => {
          const { what, kind, up, down, clear } = exchange;
          const cells = [up.head, up.body, down.head, down.body].map((bytes) => decimal(bytes, 0));
          const sent = kind === 'clear' ? 'in clear' : `sealed, ${kind}`;
          return [what, sent, ...cells, decimal(total(exchange) / total(clear), 3)];
        }),
      },
      {
        caption: 'What it adds to a page: minified, the code that loads at once.',
        columns: ['bundle', 'bytes', 'gzip', 'brotli'],
        rows: bundles.map(({ bundle, bytes, gzip, brotli }) => [
          bundle,
          ...[bytes, gzip, brotli].map((size) => decimal(size, 0)),
        ]),
      },
    ],
    budget: [
      ...large.map((exchange) =>
        atMost(
          `ohttp ${exchange.kind}, bytes of a 100 KiB exchange, of clear`,
          1.02,
          [total(exchange) / total(exchange.clear)],
          'padding: a message is filled up to its class, by an eighth at most (protocol-ohttp §8)',
        ),
      ),
      ...bundles.map(({ bundle, brotli, most }) =>
        atMost(`${bundle}, kB compressed`, most / 1_000, [brotli / 1_000], 'next: look at what the bundle holds'),
      ),
    ],
  };
}
