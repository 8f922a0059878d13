import { apiError } from '@sotto/protocol';
import type { HeaderFields } from '../http/exchange.ts';
import { BoundedBody } from './bounded-body.ts';
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
    const body = new BoundedBody(bounds.maxBytes);
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
        if (!body.push(chunk)) {
          fail(apiError('upstream_invalid_response', 'the model server answered at too great length'));
        }
      },
      onEnd: () => {
        clearTimeout(timer);
        resolve({ ...head, body: body.bytes() });
      },
      onError: fail,
    });
  });
}
