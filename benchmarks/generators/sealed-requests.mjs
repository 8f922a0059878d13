// nomyo-v1 at full load: envelopes sealed before the clock starts, each sent once, for a second time is refused.
import { randomUUID } from 'node:crypto';
import { nodeCrypto } from '@sotto/protocol/node';
import {
  encodePublicKeyHeader,
  exportPublicKeyPem,
  generateRsaKeyPair,
  importPublicKeyPem,
  makeBinding,
  openResponse,
  PUBLIC_KEY_HEADER,
  sealRequest,
} from '@sotto/protocol/nomyo-v1';
import { serveJobs } from '../harness/jobs.mjs';
import { chatRequest } from '../harness/requests.mjs';
import { API_KEY } from '../harness/router.mjs';
import { percentile } from '../harness/statistics.mjs';
import { connections as open, send } from './send.mjs';

/** One answer in so many is kept and opened afterwards: proof that the router did the work. */
const SAMPLE_EVERY = 100;

const pair = await generateRsaKeyPair(nodeCrypto);
const publicKeyHeader = encodePublicKeyHeader(exportPublicKeyPem(pair.publicKey));
let sealedRequests = [];

/** Seals as many as a run may need. */
async function prepare({ url, count, bytes }) {
  const routerKey = await importPublicKeyPem(nodeCrypto, await (await fetch(`${url}/pki/public_key`)).text());
  const payload = chatRequest(bytes);
  sealedRequests = [];
  while (sealedRequests.length < count) {
    const payloadId = randomUUID();
    const fields = { payloadId, clientKey: pair.publicKey, tier: null, nowMs: Date.now() };
    const { body, contentKey } = await sealRequest(
      nodeCrypto,
      routerKey,
      payload,
      await makeBinding(nodeCrypto, fields),
    );
    const headers = {
      'content-type': 'application/octet-stream',
      authorization: `Bearer ${API_KEY}`,
      'x-payload-id': payloadId,
      [PUBLIC_KEY_HEADER]: publicKeyHeader,
    };
    sealedRequests.push({ path: '/v1/chat/secure_completion', headers, body: Buffer.from(body), contentKey });
  }
}

async function run({ url, connections, seconds }) {
  const pool = open(new URL(url).origin, connections);
  const latencies = [];
  const samples = [];
  let failures = 0;
  const begin = performance.now();
  const end = begin + seconds * 1_000;
  let exhausted = false;
  const work = async () => {
    for (let sent = begin; sent < end; sent = performance.now()) {
      const request = sealedRequests.pop();
      if (request === undefined) {
        exhausted = true;
        return;
      }
      const chunks = sealedRequests.length % SAMPLE_EVERY === 0 ? [] : null;
      const started = performance.now();
      if ((await send(pool, request, { onData: (chunk) => chunks?.push(Buffer.from(chunk)) })) !== 200) failures++;
      latencies.push(performance.now() - started);
      if (chunks !== null) samples.push({ body: Buffer.concat(chunks), contentKey: request.contentKey });
    }
  };
  await Promise.all(Array.from({ length: connections }, work));
  const elapsed = (performance.now() - begin) / 1_000;
  await pool.destroy();
  if (exhausted) throw new Error('the sealed requests ran out before the time did');
  for (const { body, contentKey } of samples) await openSample(body, contentKey);
  return {
    perSecond: latencies.length / elapsed,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    requests: latencies.length,
    opened: samples.length,
    failures,
  };
}

async function openSample(body, contentKey) {
  const { plaintext } = await openResponse(nodeCrypto, pair.privateKey, body, contentKey);
  const { choices } = JSON.parse(Buffer.from(plaintext).toString('utf8'));
  if (typeof choices[0].message.content !== 'string') throw new Error('an answer holds no completion');
}

serveJobs({ prepare, run });
