// A process that sends a router requests, clear or sealed before the clock starts, over connections that are kept: each
// as soon as the answer before it has ended. Of sealed answers a sample is opened when the clock has stopped.
import { serveJobs } from '../harness/jobs.mjs';
import { clearRequest } from '../harness/requests.mjs';
import { percentile } from '../harness/statistics.mjs';
import { chunkedContent, openConnection, requestBytes } from './ohttp-connection.mjs';
import { answerOpener, fetchGateway, sealChat } from './ohttp-sealing.mjs';

/** One answer in so many is kept and opened: proof that the router did the work. */
const SAMPLE_EVERY = 100;

let prepared = [];

/** @param {{ url: string, kind: import('./ohttp-sealing.mjs').Kind, bytes: number, stream: boolean, count: number }} job */
async function prepare({ url, kind, bytes, stream, count }) {
  const { headers, body } = clearRequest(url, bytes, { stream });
  const content = Buffer.from(body);
  if (kind === 'clear') {
    const request = { bytes: requestBytes({ path: '/v1/chat/completions', headers, body: content }) };
    prepared = Array.from({ length: count }, () => request);
    return;
  }
  const gateway = await fetchGateway(url, kind);
  prepared = [];
  while (prepared.length < count) {
    const sealed = await sealChat(gateway, content);
    prepared.push({ bytes: requestBytes(sealed), openResponse: sealed.openResponse });
  }
}

/** Sends all that is prepared, or what of it goes in so many seconds. */
async function run({ url, connections, seconds }) {
  const open = Array.from({ length: connections }, () => openConnection(url));
  const latencies = [];
  const samples = [];
  let failures = 0;
  const begin = performance.now();
  const end = begin + seconds * 1_000;
  const work = async (connection) => {
    for (let sent = begin; sent < end; sent = performance.now()) {
      const request = prepared.pop();
      if (request === undefined) return;
      const { status, segments } = await connection.exchange(request.bytes);
      latencies.push(performance.now() - sent);
      if (status !== 200) failures++;
      const isSample = latencies.length % SAMPLE_EVERY === 1;
      if (isSample && request.openResponse !== undefined) {
        samples.push({ segments, openResponse: request.openResponse });
      }
    }
  };
  await Promise.all(open.map(work));
  const elapsedMs = performance.now() - begin;
  for (const connection of open) connection.close();
  for (const { segments, openResponse } of samples) openSample(segments, openResponse);
  return {
    perSecond: (latencies.length * 1_000) / elapsedMs,
    elapsedMs,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    requests: latencies.length,
    opened: samples.length,
    failures,
  };
}

function openSample(segments, openResponse) {
  const pieces = [];
  const opener = answerOpener(openResponse, (content) => pieces.push(content));
  opener.push(chunkedContent(segments));
  opener.finish();
  const text = Buffer.concat(pieces).toString('utf8');
  if (!text.startsWith('{"id":') && !text.endsWith('data: [DONE]\n\n')) throw new Error('an answer is no completion');
}

serveJobs({ prepare, run });
