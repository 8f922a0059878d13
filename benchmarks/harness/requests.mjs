// The chat requests that load generators send, at a given length.
import { ALIAS, API_KEY } from './router.mjs';

const WORDS = 'the quick brown fox jumps over the lazy dog and sees a question about privacy at the edge of town ';

/** Text of a length, as compressible as prose. @param {number} length */
export function prose(length) {
  return WORDS.repeat(Math.ceil(length / WORDS.length)).slice(0, length);
}

/** A chat request whose JSON has `bytes` bytes. @param {number} bytes */
export function chatRequest(bytes, { stream = false, model = ALIAS } = {}) {
  const of = (content) => ({ model, messages: [{ role: 'user', content }], temperature: 0.7, stream });
  return of(prose(bytes - JSON.stringify(of('')).length));
}

/** What wrk and the generators of this folder are told of a clear request. */
export function clearRequest(url, bytes, { stream = false } = {}) {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${API_KEY}` };
  return { url, headers, body: JSON.stringify(chatRequest(bytes, { stream })) };
}
