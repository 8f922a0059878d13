// A client in a process of its own: what it takes to the first answer, and what each further one costs.
import { request } from 'undici';
import { serveJobs } from '../harness/jobs.mjs';
import { chatRequest, clearRequest } from '../harness/requests.mjs';
import { API_KEY } from '../harness/router.mjs';

const WARM_UP = 20;
let client = null;

/** Imports the package, makes a client and asks once. @param {{ url: string, bytes: number, keyDir: string | null }} job */
async function firstAnswer({ url, bytes, keyDir }) {
  const begin = performance.now();
  const { SecureChatCompletion } = await import('@sotto/client');
  const imported = performance.now();
  client = new SecureChatCompletion({ baseUrl: url, apiKey: API_KEY, allowHttp: true, protocol: 'nomyo-v1', keyDir });
  await client.create(chatRequest(bytes));
  return { importMs: imported - begin, answerMs: performance.now() - imported };
}

/** CPU of this process for each of `count` requests, one after the other. */
async function cpuOfSealed({ bytes, count }) {
  return cpuOf(count, () => client.create(chatRequest(bytes)));
}

/** The same in clear, with undici alone: what the transport costs. */
async function cpuOfClear({ url, bytes, count }) {
  const { headers, body } = clearRequest(url, bytes);
  return cpuOf(count, async () => {
    const answer = await request(`${url}/v1/chat/completions`, { method: 'POST', headers, body });
    await answer.body.json();
  });
}

async function cpuOf(count, ask) {
  for (let index = 0; index < WARM_UP; index++) await ask();
  const before = process.cpuUsage();
  const begin = performance.now();
  for (let index = 0; index < count; index++) await ask();
  const { user, system } = process.cpuUsage(before);
  return { cpuMs: (user + system) / 1_000 / count, wallMs: (performance.now() - begin) / count };
}

serveJobs({ firstAnswer, cpuOfSealed, cpuOfClear });
