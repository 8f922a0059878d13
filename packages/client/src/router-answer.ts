import { decodeUtf8, parseErrorBody, SecurityError, type SottoError } from '@sotto/protocol';
import { readAll, type TransportResponse } from './transport.ts';

/** Error answers are small; of a larger one only the status is told. */
const MAX_ERROR_BYTES = 64 * 1024;
/** RFC 9110 §15.4; 304 is an answer to a conditional request and no redirect. */
const REDIRECTS = new Set([300, 301, 302, 303, 307, 308]);

/**
 * Makes the error of an answer that is not the one hoped for. Nothing in it is authenticated: it did not come out
 * of the ciphertext.
 */
export async function errorOfAnswer(answer: TransportResponse): Promise<SottoError> {
  const { status, headers } = answer;
  if (status < 400) {
    await answer.body.cancel();
    const reason = REDIRECTS.has(status) ? 'a redirect, which is never followed' : `the unexpected status ${status}`;
    const message = `the router answered with ${reason}: address the router itself`;
    return new SecurityError(message, { code: 'invalid_response' });
  }
  return parseErrorBody({ status, headers, body: await readErrorText(answer), authenticated: false });
}

async function readErrorText(answer: TransportResponse): Promise<string> {
  try {
    return decodeUtf8(await readAll(answer.body, MAX_ERROR_BYTES)) ?? '';
  } catch {
    // Too long, or cut: the status says enough.
    return '';
  }
}
