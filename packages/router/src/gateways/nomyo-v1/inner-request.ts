import { Buffer } from 'node:buffer';
import { apiError } from '@sotto/protocol';
import type { CollectedAnswer } from '../../http/collecting-sink.ts';
import type { ExchangeRequest, HeaderFields } from '../../http/exchange.ts';
import { TIER_HEADER } from '../../tiers/request-tier.ts';

/** Header fields of the outer request that the inner one has too. */
const PASSED_ON = ['authorization', 'x-api-key', TIER_HEADER] as const;

type Members = Readonly<Record<string, unknown>>;

/** Parses an opened payload. @throws InvalidRequestError `invalid_json` */
export function parsePayload(plaintext: Uint8Array): Members {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength).toString('utf8'));
  } catch {
    value = null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw apiError('invalid_json', 'the decrypted payload is not a JSON object');
  }
  return value as Members;
}

/** The chat request inside the envelope, as the router's own routes take it: never streamed, for the wire cannot. */
export function innerRequest(outer: ExchangeRequest, payload: Members): ExchangeRequest {
  const { stream_options: _cannotApply, ...rest } = payload;
  const body = Buffer.from(JSON.stringify({ ...rest, stream: false }));
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

/** Adds `_metadata` to an answer: which tier, why, and what kind of upstream, told inside the ciphertext. */
export function withMetadata(answer: CollectedAnswer): Buffer {
  const value = parsePayload(answer.body);
  const present = value['_metadata'];
  const metadata = typeof present === 'object' && present !== null && !Array.isArray(present) ? present : {};
  return Buffer.from(JSON.stringify({ ...value, _metadata: { ...metadata, ...metadataOf(answer.headers) } }));
}

function metadataOf(headers: HeaderFields): Members {
  return {
    security_tier: headers['x-sotto-tier'],
    security_tier_source: headers['x-sotto-tier-source'],
    upstream_class: headers['x-sotto-upstream-class'],
  };
}
