import { MAX_BUNDLE_BYTES, NONCE_BYTES } from '@sotto/attestation';
import { apiError, decodeBase64Url } from '@sotto/protocol';
import { z } from 'zod';
import { sendBytes, sendTagged } from '../http/answer.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Operation } from '../http/operation.ts';
import type { Route } from '../http/route-table.ts';
import type { EvidencePublisher, PublishedBundle } from './evidence-publisher.ts';

/** Where evidence is asked for: the router's own path, and the one that auditors' tools try by a service's name. */
export const ATTESTATION_PATHS = ['/pki/attestation', '/.well-known/sotto-attestation'] as const;
/** Clients may keep a static bundle this long before they ask again, with its ETag. */
const MAX_AGE_SECONDS = 300;
/** 32 bytes in base64url without padding (RFC 4648 §5). */
const NONCE_QUERY = /^nonce=([A-Za-z0-9_-]{43})$/;

const OPERATION: Operation = {
  summary: 'Evidence of what the router is, and that its keys are its own',
  tag: 'keys',
  credential: 'none',
  parameters: [
    {
      name: 'nonce',
      in: 'query',
      description: `A challenge of ${NONCE_BYTES} random bytes in base64url, which the evidence answers.`,
      schema: z.string().length(43).optional(),
    },
  ],
  responses: {
    200: {
      description: `The evidence bundle, at most ${MAX_BUNDLE_BYTES} bytes.`,
      content: { 'application/json': null },
    },
  },
};

/** `GET /pki/attestation`: the static bundle; with `?nonce=`, one made for this challenge. */
export function attestationRoutes(publisher: EvidencePublisher): readonly Route[] {
  return ATTESTATION_PATHS.map((path) => ({
    method: 'GET',
    path,
    handle: async (exchange) => {
      const nonce = readNonce(exchange.request.query);
      if (nonce === null) sendStatic(exchange, await publisher.current());
      else sendBytes(exchange.sink, 200, { ...JSON_TYPE, 'cache-control': 'no-store' }, await publisher.answer(nonce));
    },
    operation: OPERATION,
  }));
}

const JSON_TYPE = { 'content-type': 'application/json' };

function sendStatic(exchange: Exchange, bundle: PublishedBundle): void {
  const leftSeconds = Math.max(0, Math.floor((bundle.validUntilMs - Date.now()) / 1_000));
  const headers = {
    ...JSON_TYPE,
    'cache-control': `public, max-age=${Math.min(MAX_AGE_SECONDS, leftSeconds)}`,
    etag: `"${bundle.kid}"`,
  };
  sendTagged(exchange, headers, bundle.body);
}

/** Any other query is refused: a misspelt challenge must not get the bundle that answers none. */
function readNonce(query: string): Uint8Array | null {
  if (query === '') return null;
  const nonce = decodeBase64Url(NONCE_QUERY.exec(query)?.[1] ?? '');
  if (nonce?.length === NONCE_BYTES) return nonce;
  throw apiError('invalid_request', 'the query is either empty or nonce=, with 32 bytes in base64url', {
    param: 'nonce',
  });
}
