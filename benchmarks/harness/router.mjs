// The router under test: `sotto serve` as an operator runs it, in a process of its own.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseConfig } from '@sotto/router';
import { kill, start, stop } from './child-process.mjs';
import { temporaryFolder } from './temporary-folder.mjs';

const require = createRequire(import.meta.url);
const PROGRAM = join(dirname(require.resolve('sotto/package.json')), 'dist', 'main.js');

/** The key that load generators send. */
export const API_KEY = 'sotto_benchmark_key_of_these_processes_only';
/** What they ask for: an alias, so that the router rewrites each request. */
export const ALIAS = 'gpt-4';
/** Far out of reach, but counted on every request. */
const OUT_OF_REACH = 1_000_000_000;
const BUDGET_USD = 1_000_000;

/** One for all routers of a run: to make one takes seconds, and is measured at the client. */
let privateKeyPem = null;

/**
 * Starts a router with everything on: an API key with all of its limits and a budget, prices, usage kept in a database
 * on disk, an alias, a salt for the prompt cache, metrics, tiers, every door.
 * @param {{ upstream: string, cpus?: string | null, workers?: number, nodeOptions?: readonly string[],
 *   config?: Record<string, unknown> }} options `upstream` is the base URL of a stand-in
 */
export async function startRouter({ upstream, cpus = null, workers = 1, nodeOptions = [], config = {} }) {
  const limits = { requestsPerMinute: OUT_OF_REACH, requestsPerDay: OUT_OF_REACH, tokensPerMinute: OUT_OF_REACH };
  const budget = { usd: BUDGET_USD, period: 'month' };
  const folder = temporaryFolder();
  const keyFile = join(folder, 'rsa.pem');
  const written = {
    listen: '127.0.0.1:0',
    keys: [{ name: 'benchmark', key: API_KEY, models: ['gpt-*', 'stand-in'], limits, budget }],
    models: { 'stand-in': { price: { inputPerMillion: 0.000001, outputPerMillion: 0.000001 } } },
    storage: `sqlite:${join(folder, 'sotto.db')}`,
    storageKey: { key: randomBytes(32).toString('base64') },
    upstreams: [{ name: 'stand-in', baseUrl: upstream, models: ['stand-in'] }],
    aliases: { [ALIAS]: ['stand-in'] },
    nomyoV1: { keyFile },
    ...config,
  };
  // A mistake shows here, and not as a process that ends.
  parseConfig(written);
  writeFileSync(keyFile, rsaKey(), { mode: 0o600 });
  const file = join(folder, 'sotto.config.json');
  writeFileSync(file, JSON.stringify(written));
  const args = [...nodeOptions, PROGRAM, 'serve', '--config', file, '--json', '--workers', String(workers)];
  const child = start(process.execPath, args, { cpus, stdio: ['ignore', 'pipe', 'inherit'] });
  return { pid: child.pid, url: await listening(child), stop: () => stop(child) };
}

function rsaKey() {
  privateKeyPem ??= generateKeyPairSync('rsa', {
    modulusLength: 4_096,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey;
  return privateKeyPem;
}

const START_WITHIN_MS = 60_000;

/** @returns {Promise<string>} the router's URL */
function listening(child) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      kill(child);
      reject(new Error('the router did not start in time'));
    }, START_WITHIN_MS);
    createInterface(child.stdout).on('line', (line) => {
      const told = JSON.parse(line);
      if (told.event === 'listening') {
        clearTimeout(timer);
        resolve(told.url);
      }
      if (told.event === 'internal_error') console.error(`the router reports an internal error: ${told.name}`);
    });
    child.on('exit', () => {
      clearTimeout(timer);
      reject(new Error('the router ended before it listened'));
    });
  });
}
