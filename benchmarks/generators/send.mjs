// One request over undici's dispatch, the least that Node can send it with.
import { Pool } from 'undici';

/** Connections to one origin, as many as are asked for. */
export function connections(origin, count) {
  return new Pool(origin, { connections: count, pipelining: 1, headersTimeout: 60_000, bodyTimeout: 60_000 });
}

/**
 * Sends a request and settles at its end.
 * @param {Pool} pool
 * @param {{ path: string, headers: Record<string, string>, body: string | Uint8Array }} request
 * @param {{ onData?: (chunk: Buffer) => void }} listener
 * @returns {Promise<number>} the status; 0 where the connection failed
 */
export function send(pool, { path, headers, body }, { onData = () => {} } = {}) {
  return new Promise((resolve) => {
    let status = 0;
    pool.dispatch(
      { path, method: 'POST', headers, body },
      {
        onRequestStart() {},
        onResponseStart(_controller, code) {
          status = code;
        },
        onResponseData: (_controller, chunk) => onData(chunk),
        onResponseEnd: () => resolve(status),
        onResponseError: () => resolve(0),
      },
    );
  });
}
