import { apiError } from '@sotto/protocol';
import type { HeaderFields } from '../http/exchange.ts';

/** The subprotocol spoken: offered beside a key, it is what the answer names. */
export const SUBPROTOCOL = 'sotto.v1';
/** What OpenAI's realtime clients offer beside their key. */
const REALTIME_SUBPROTOCOL = 'realtime';
/** Carries a key as base64url (RFC 4648 §5): a subprotocol's name has no room for `/` and `=` (RFC 9110 §5.6.2). */
const KEY_PREFIX = 'sotto.key.';
const OPENAI_KEY_PREFIX = 'openai-insecure-api-key.';
/** What a key may be made of, so that nothing else travels on in a header field. */
const KEY = /^[\x21-\x7e]{1,512}$/;

/**
 * The header fields that present a key, made of the first place that holds one: `Authorization` or `X-API-Key`, a
 * subprotocol, `?token=`.
 * @returns null where none does
 * @throws InvalidRequestError `invalid_request` for a query that cannot be read
 * @throws AuthenticationError `invalid_api_key` for what cannot be a key
 */
export function presentedKey(headers: HeaderFields, query: string): HeaderFields | null {
  const { authorization, 'x-api-key': apiKey } = headers;
  if (authorization !== undefined || apiKey !== undefined) {
    return {
      ...(authorization === undefined ? {} : { authorization }),
      ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
    };
  }
  const key = keyOfSubprotocols(offeredSubprotocols(headers)) ?? keyOfQuery(query);
  return key === null ? null : keyFields(key);
}

/** The header fields that present a key. @throws AuthenticationError `invalid_api_key` for what cannot be one */
export function keyFields(key: string): HeaderFields {
  if (!KEY.test(key)) throw apiError('invalid_api_key', 'the API key is not known here');
  return { 'x-api-key': key };
}

/**
 * Chooses the subprotocol to answer with; never one that carries a key.
 * @returns null where none of those offered is spoken
 * @throws InvalidRequestError `invalid_request` where a key is offered alone: a browser takes no answer without a choice
 */
export function chooseSubprotocol(headers: HeaderFields): string | null {
  const offered = offeredSubprotocols(headers);
  const chosen = [SUBPROTOCOL, REALTIME_SUBPROTOCOL].find((each) => offered.includes(each));
  if (chosen !== undefined) return chosen;
  if (keyOfSubprotocols(offered) === null) return null;
  throw apiError('invalid_request', `offer the subprotocol ${SUBPROTOCOL} beside the one with the key`);
}

function offeredSubprotocols(headers: HeaderFields): readonly string[] {
  return (headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim());
}

function keyOfSubprotocols(offered: readonly string[]): string | null {
  for (const each of offered) {
    if (each.startsWith(OPENAI_KEY_PREFIX)) return each.slice(OPENAI_KEY_PREFIX.length);
    if (each.startsWith(KEY_PREFIX)) return Buffer.from(each.slice(KEY_PREFIX.length), 'base64url').toString('utf8');
  }
  return null;
}

/** Not `URLSearchParams`: it reads `+` as a space, and keys hold that sign. */
function keyOfQuery(query: string): string | null {
  const tokens = query.split('&').filter((each) => each.startsWith('token='));
  const [only] = tokens;
  if (only === undefined) return null;
  if (tokens.length > 1) throw apiError('invalid_request', 'give token once');
  try {
    return decodeURIComponent(only.slice('token='.length));
  } catch {
    throw apiError('invalid_request', 'token is not percent-encoded UTF-8');
  }
}
