import { createHash } from 'node:crypto';
import { type APIError, apiError, errorBody } from '@sotto/protocol';
import { OHTTP_DATE_PROBLEM_TYPE, PROBLEM_MEDIA_TYPE } from '@sotto/protocol/ohttp';
import { sendJson } from '../../http/answer.ts';
import type { ResponseSink } from '../../http/exchange.ts';
import { type ReplayMemory, replayRefusal } from '../../replay/replay-memory.ts';

/**
 * A request is fresh once, within the window around its `Date` (protocol-ohttp §6).
 * @returns why it is not, or null
 * @throws ServiceUnavailableError `overloaded` where the memory is full: failing closed, nothing is forgotten early;
 *   `store_unavailable` where it cannot be asked
 */
export async function checkFreshness(
  options: { readonly replays: ReplayMemory; readonly replayWindowMs: number },
  dateMs: number | null,
  enc: Uint8Array | null,
): Promise<APIError | null> {
  if (enc === null || dateMs === null || Math.abs(Date.now() - dateMs) > options.replayWindowMs) {
    return apiError('replayed_request', 'the request has no Date within the time window: check both clocks');
  }
  const id = createHash('sha256').update(enc).digest('base64').slice(0, 22);
  const outcome = await options.replays.add(`ohttp:${id}`);
  if (outcome === 'added') return null;
  if (outcome === 'seen') return replayRefusal(outcome);
  throw replayRefusal(outcome);
}

/** RFC 9458 §6.5.1, with the members that OpenAI's SDKs read beside those of RFC 9457. */
export function sendDateProblem(sink: ResponseSink, error: APIError): void {
  const body = { type: OHTTP_DATE_PROBLEM_TYPE, title: error.message, status: error.status, ...errorBody(error) };
  sendJson(sink, error.status, body, { 'content-type': PROBLEM_MEDIA_TYPE, date: new Date().toUTCString() });
}
