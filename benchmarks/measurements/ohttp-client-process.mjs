// A client over ohttp in a process of its own. What it takes to load is measured here, so that nothing of the project
// but the plumbing of these calls may be loaded before the clock starts.
import { serveJobs } from '../harness/jobs.mjs';

/** @typedef {{ url: string, kind: import('./ohttp-sealing.mjs').Kind, headers: Record<string, string>, body: string }} Job */

const WARM_UP = 20;
/** @type {Map<string, (job: Job) => Promise<Response>>} */
const clients = new Map();

/** Imports the package, makes a client and asks once. @param {Job} job */
async function firstAnswer(job) {
  const begin = performance.now();
  const { createSecureFetch } = await import('@sotto/client');
  const imported = performance.now();
  const options = await optionsFor(job.kind);
  const constructing = performance.now();
  clients.set(job.kind, clientWith(createSecureFetch, options, job.url));
  await answer(job);
  return { importMs: imported - begin, answerMs: performance.now() - constructing };
}

/** @param {Job & { count: number }} job @returns CPU and time of each request, one after the other */
async function costs(job) {
  await warmUp(job);
  const before = process.cpuUsage();
  const begin = performance.now();
  for (let index = 0; index < job.count; index++) await answer(job);
  const { user, system } = process.cpuUsage(before);
  return { cpuMs: (user + system) / 1_000 / job.count, wallMs: (performance.now() - begin) / job.count };
}

/** @param {Job} job */
async function warmUp(job) {
  for (let index = 0; index < WARM_UP; index++) await answer(job);
}

/** From the request to the first bytes of its answer's body. @param {Job} job */
async function firstTokenMs(job) {
  const ask = await clientFor(job);
  const begin = performance.now();
  const { body } = await ask(job);
  let firstMs = null;
  for await (const _ of body) firstMs ??= performance.now() - begin;
  return firstMs;
}

async function answer(job) {
  const ask = await clientFor(job);
  const response = await ask(job);
  const bytes = await response.arrayBuffer();
  if (response.status !== 200 || bytes.byteLength === 0) throw new Error(`answered with ${response.status}`);
}

async function clientFor({ kind, url }) {
  const known = clients.get(kind);
  if (known !== undefined) return known;
  const made = kind === 'clear' ? await clearClient() : await secureClient(kind, url);
  clients.set(kind, made);
  return made;
}

async function secureClient(kind, url) {
  const { createSecureFetch } = await import('@sotto/client');
  return clientWith(createSecureFetch, await optionsFor(kind), url);
}

function clientWith(createSecureFetch, options, routerUrl) {
  const secureFetch = createSecureFetch({ routerUrl, allowHttp: true, ...options });
  return ({ url, headers, body }) => secureFetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body });
}

/** The same transport in clear. */
async function clearClient() {
  const { request } = await import('undici');
  return async ({ url, headers, body }) => {
    const answered = await request(`${url}/v1/chat/completions`, { method: 'POST', headers, body });
    const { statusCode: status, body: content } = answered;
    return { status, body: content, arrayBuffer: () => content.arrayBuffer() };
  };
}

/** A client takes the hybrid key wherever there is one: for X25519 it must not have the algorithm. */
async function optionsFor(kind) {
  const { classicalOnly } = await import('./ohttp-classical.mjs');
  return kind === 'X25519' ? { runtime: { hpke: classicalOnly } } : { pqKem: 'required' };
}

serveJobs({ firstAnswer, costs, warmUp, firstTokenMs });
