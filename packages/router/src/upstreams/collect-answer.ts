import { Buffer } from 'node:buffer';
import { apiError } from '@sotto/protocol';
import type { HeaderFields } from '../http/exchange.ts';
import type { Upstream, UpstreamRequest } from './upstream.ts';

/** An upstream's whole answer. */
export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: HeaderFields;
  readonly body: Buffer;
}

/**
 * Sends one request of the router's own and collects the answer.
 * @throws ServerError `upstream_invalid_response` for an answer longer than `maxBytes`, `upstream_timeout`, and
 *   whatever the upstream reports
 */
export function collectAnswer(
  upstream: Upstream,
  request: UpstreamRequest,
  bounds: { readonly maxBytes: number; readonly timeoutMs: number },
): Promise<UpstreamAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    let head: { readonly status: number; readonly headers: HeaderFields } = { status: 500, headers: {} };
    const fail = (error: Error): void => {
      clearTimeout(timer);
      call.cancel();
      reject(error);
    };
    const timer = setTimeout(
      () => fail(apiError('upstream_timeout', 'the model server did not answer in time')),
      bounds.timeoutMs,
    );
    const call = upstream.start(request, {
      onHead: (status, headers) => {
        head = { status, headers };
      },
      onData: (chunk) => {
        length += chunk.length;
        if (length > bounds.maxBytes)
          fail(apiError('upstream_invalid_response', 'the model server answered at too great length'));
        else chunks.push(chunk);
      },
      onEnd: () => {
        clearTimeout(timer);
        resolve({ ...head, body: Buffer.concat(chunks, length) });
      },
      onError: fail,
    });
  });
}
