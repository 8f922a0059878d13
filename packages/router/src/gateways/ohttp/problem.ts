import { type OHTTP_KEY_PROBLEM_TYPE, PROBLEM_MEDIA_TYPE } from '@sotto/protocol/ohttp';
import { sendBytes } from '../../http/answer.ts';
import type { ResponseSink } from '../../http/exchange.ts';

/**
 * Answers in clear that a request could not be opened (RFC 9457). Anybody may be asking, and anybody may read the
 * answer: it says no more than its status, and names the key problem, which is public.
 */
export function sendProblem(
  sink: ResponseSink,
  status: number,
  type: 'about:blank' | typeof OHTTP_KEY_PROBLEM_TYPE,
): void {
  const title =
    type === 'about:blank' ? 'the request could not be opened' : 'the key is not in use: fetch the keys again';
  const body = Buffer.from(JSON.stringify({ type, title, status }));
  sendBytes(sink, status, { 'content-type': PROBLEM_MEDIA_TYPE, 'cache-control': 'no-store' }, body);
}
