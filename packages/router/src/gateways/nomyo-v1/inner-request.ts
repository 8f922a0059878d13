import { Buffer } from 'node:buffer';
import { apiError } from '@sotto/protocol';
import { BINDING_MEMBER } from '@sotto/protocol/nomyo-v1';
import type { CollectedAnswer } from '../../http/collecting-sink.ts';
import type { ExchangeRequest, HeaderFields } from '../../http/exchange.ts';
import { editJsonObject } from '../../http/json-members.ts';
import { type JsonObject, readJsonObject, writeJsonObject } from '../../http/json-object.ts';
import { TIER_HEADER } from '../../tiers/request-tier.ts';

/** Header fields of the outer request that the inner one has too. */
const PASSED_ON = ['authorization', 'x-api-key', TIER_HEADER] as const;

/** Parses an opened payload. @throws InvalidRequestError `invalid_json` */
export function parsePayload(plaintext: Uint8Array): JsonObject {
  const value = readJsonObject(plaintext);
  if (value === null) throw apiError('invalid_json', 'the decrypted payload is not a JSON object in UTF-8');
  return value;
}

/**
 * The chat request inside the envelope, as the router's own routes take it: never streamed, for the wire cannot.
 * @param plaintext what {@link parsePayload} has accepted; all but the members that change keeps its bytes
 */
export function innerRequest(outer: ExchangeRequest, plaintext: Uint8Array): ExchangeRequest {
  const body = editJsonObject(plaintext, { [BINDING_MEMBER]: null, stream_options: null, stream: 'false' });
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  for (const name of PASSED_ON) {
    const value = outer.headers[name];
    if (value !== undefined) headers[name] = value;
  }
  return {
    method: 'POST',
    path: '/v1/chat/completions',
    query: '',
    headers,
    sealedBy: 'nomyo-v1',
    sealedTier: null,
    body: () => Promise.resolve(body),
  };
}

/**
 * Adds `_metadata` to an answer: which tier, why, and what kind of upstream, told inside the ciphertext.
 * @throws ServerError `upstream_invalid_response` where the answer cannot be read and written again
 */
export function withMetadata(answer: CollectedAnswer): Buffer {
  try {
    const { body } = answer;
    const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
    const value = JSON.parse(text) as JsonObject;
    const present = value['_metadata'];
    const metadata = typeof present === 'object' && present !== null && !Array.isArray(present) ? present : {};
    return writeJsonObject({ ...value, _metadata: { ...metadata, ...metadataOf(answer.headers) } });
  } catch {
    throw apiError('upstream_invalid_response', 'the model server answered with something else than was asked for');
  }
}

function metadataOf(headers: HeaderFields): JsonObject {
  return {
    security_tier: headers['x-sotto-tier'],
    security_tier_source: headers['x-sotto-tier-source'],
    upstream_class: headers['x-sotto-upstream-class'],
  };
}
