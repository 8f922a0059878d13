// The strongest bare proxy that Node can be: node:http in front, undici's dispatch behind, and nothing between.
import { createServer } from 'node:http';
import { Pool } from 'undici';
import { serveJobs } from '../harness/jobs.mjs';
import { listenOnLoopback } from '../harness/listen.mjs';

function forward(pool, basePath, message, response, body) {
  let upstream = null;
  response.on('drain', () => upstream?.resume());
  response.on('close', () => {
    if (!response.writableFinished) upstream?.abort(new Error('the caller has gone'));
  });
  pool.dispatch(
    {
      path: basePath + message.url.slice('/v1'.length),
      method: message.method,
      headers: { 'content-type': message.headers['content-type'], authorization: message.headers.authorization },
      body,
    },
    {
      onRequestStart(controller) {
        upstream = controller;
      },
      onResponseStart(_controller, status, headers) {
        delete headers['transfer-encoding'];
        delete headers.connection;
        response.writeHead(status, headers);
      },
      onResponseData(controller, chunk) {
        if (!response.write(chunk)) controller.pause();
      },
      onResponseEnd: () => response.end(),
      onResponseError: () => response.destroy(),
    },
  );
}

function listen({ upstream }) {
  const { origin, pathname } = new URL(upstream);
  const pool = new Pool(origin, { connections: 1_024, pipelining: 1 });
  const server = createServer({ noDelay: true }, (message, response) => {
    const chunks = [];
    message.on('data', (chunk) => chunks.push(chunk));
    message.on('end', () => {
      forward(pool, pathname, message, response, chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
    });
  });
  return listenOnLoopback(server);
}

serveJobs({ listen });
