// A process that holds streams open, clear or sealed, and reads them: tokens, their bytes, and how late each one is.
import { setTimeout as wait } from 'node:timers/promises';
import { connections, send } from '../generators/send.mjs';
import { serveJobs } from '../harness/jobs.mjs';
import { clearRequest } from '../harness/requests.mjs';
import { percentile } from '../harness/statistics.mjs';
import { answerOpener, fetchGateway, sealChat } from './ohttp-sealing.mjs';

const REQUEST_BYTES = 1_024;
const TOKEN = /"content":"(\d+)"/g;
/** Streams are opened one after the other: a listener's queue of new connections is short. */
const APART_MS = 1;

let opened = { pool: null, ended: 0 };
let seen = fresh();

function fresh() {
  return { tokens: 0, bytes: 0, latenessMs: [] };
}

/**
 * Opens streams, and answers when each has had its first token.
 * @param {{ url: string, kind: import('./ohttp-sealing.mjs').Kind, streams: number }} job
 */
async function open({ url, kind, streams }) {
  const { headers, body } = clearRequest(url, REQUEST_BYTES, { stream: true });
  const content = Buffer.from(body);
  const gateway = kind === 'clear' ? null : await fetchGateway(url, kind);
  const request = async (onContent) => {
    if (gateway === null) return { path: '/v1/chat/completions', headers, body, push: onContent };
    const { openResponse, ...sealed } = await sealChat(gateway, content);
    return { ...sealed, push: answerOpener(openResponse, onContent).push };
  };
  opened = { pool: connections(url, streams), ended: 0 };
  await Promise.all(
    Array.from({ length: streams }, async (_, index) => {
      await wait(index * APART_MS);
      await openOne(opened, request);
    }),
  );
}

/** Settles at the first token. */
function openOne(group, request) {
  return new Promise((resolve, reject) => {
    const onContent = (bytes) => {
      // The kernel's monotonic clock is one for all processes of a machine.
      const now = process.hrtime.bigint();
      for (const [, written] of Buffer.from(bytes).toString('latin1').matchAll(TOKEN)) {
        seen.tokens++;
        seen.latenessMs.push(Number(now - BigInt(written)) / 1e6);
        resolve();
      }
    };
    const read = async () => {
      const { push, ...sent } = await request(onContent);
      const onData = (chunk) => {
        seen.bytes += chunk.length;
        push(chunk);
      };
      const status = await send(group.pool, sent, { onData });
      group.ended++;
      throw new Error(`a stream ended early, with status ${status}`);
    };
    read().catch(reject);
  });
}

/** What comes within so many seconds. */
async function watch({ seconds }) {
  seen = fresh();
  await wait(seconds * 1_000);
  if (opened.ended > 0) throw new Error(`${opened.ended} streams ended early`);
  const { tokens, bytes, latenessMs } = seen;
  return { tokens, bytes, p50Ms: percentile(latenessMs, 0.5), p99Ms: percentile(latenessMs, 0.99) };
}

/** Goes away in the middle of every stream. */
async function close() {
  await opened.pool.destroy();
}

serveJobs({ open, watch, close });
