import { apiErrorOfStatus, decodeUtf8, parseRetryAfter, SecurityError, type SottoError } from '@sotto/protocol';
import { OHTTP_DATE_PROBLEM_TYPE, OHTTP_KEY_PROBLEM_TYPE, PROBLEM_MEDIA_TYPE } from '@sotto/protocol/ohttp';
import { isObject } from '../json-object.ts';
import { mediaType } from '../media-type.ts';
import type { ResponseBody, TransportResponse } from '../transport.ts';

/** How much of an answer in clear is kept for whoever looks into it. */
const MAX_UNTRUSTED_BYTES = 4_096;
/** What a load balancer says when nothing behind it takes the request: to try again gives nothing away. */
const RETRIED_STATUSES = new Set([429, 502, 503, 504]);

/** What an {@link UnsealedResponseError} carries. */
export interface UnsealedResponse {
  /** The outer status. */
  readonly status: number;
  /** At most 4 KiB of the body. Anybody on the way may have written it: never show it as an answer. */
  readonly untrustedBody: string;
}

/**
 * The answer came in clear, so it is not the router's. Stop, and look at what stands between this program and the
 * router. Code `response_not_sealed`.
 */
export class UnsealedResponseError extends SecurityError {
  static override readonly errorName: string = 'UnsealedResponseError';
  /** The outer status. */
  readonly status: number;
  /** At most 4 KiB of the body. Anybody on the way may have written it: never show it as an answer. */
  readonly untrustedBody: string;

  constructor({ status, untrustedBody }: UnsealedResponse) {
    super(`the answer is not sealed (outer status ${status}): check what stands between this program and the router`, {
      code: 'response_not_sealed',
    });
    this.status = status;
    this.untrustedBody = untrustedBody;
  }
}

/** An answer that is no sealed one, and what to do about it. */
export interface Refusal {
  /** Whether the router says that it does not have the key: fetch its keys anew, and seal once more. */
  readonly staleKey: boolean;
  readonly error: SottoError;
}

/** Reads the start of an answer that is not sealed. Nothing in it is believed but where it can only cost a retry. */
export async function readRefusal(answer: TransportResponse, nowMs: number): Promise<Refusal> {
  const { status, headers } = answer;
  const untrustedBody = await readStart(answer.body);
  const type = problemType(answer, untrustedBody);
  if (type === OHTTP_KEY_PROBLEM_TYPE) {
    return { staleKey: true, error: security('unknown_key_id', 'the router does not have the key it was asked with') };
  }
  if (type === OHTTP_DATE_PROBLEM_TYPE) {
    const message = "the router refuses the request's time: check this machine's clock";
    return { staleKey: false, error: security('replayed_request', message) };
  }
  if (!RETRIED_STATUSES.has(status)) {
    return { staleKey: false, error: new UnsealedResponseError({ status, untrustedBody }) };
  }
  const message = `the router, or something before it, answered with status ${status}`;
  const retryAfterMs = parseRetryAfter(headers, nowMs);
  const options = { code: 'response_not_sealed', headers, retryAfterMs, authenticated: false } as const;
  return { staleKey: false, error: apiErrorOfStatus(status, message, options) };
}

/** The type of a problem (RFC 9457 §3.1.1), or null for an answer that is none. */
function problemType({ status, headers }: TransportResponse, body: string): string | null {
  if (status < 400 || status > 499 || mediaType(headers['content-type']) !== PROBLEM_MEDIA_TYPE) return null;
  try {
    const problem: unknown = JSON.parse(body);
    const type = isObject(problem) ? problem['type'] : null;
    return typeof type === 'string' ? type : null;
  } catch {
    return null;
  }
}

async function readStart(body: ResponseBody): Promise<string> {
  const start = new Uint8Array(MAX_UNTRUSTED_BYTES);
  let length = 0;
  try {
    for await (const chunk of body) {
      const piece = chunk.subarray(0, start.length - length);
      start.set(piece, length);
      length += piece.length;
      if (length === start.length) break;
    }
  } catch {
    // Cut: what came says as much as such an answer can.
  }
  return decodeUtf8(start.subarray(0, length)) ?? '';
}

function security(code: 'unknown_key_id' | 'replayed_request', message: string): SecurityError {
  return new SecurityError(message, { code });
}
