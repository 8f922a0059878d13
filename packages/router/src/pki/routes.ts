import { Buffer } from 'node:buffer';
import { BINDING_HEADER, BINDING_VERSION } from '@sotto/protocol/nomyo-v1';
import { sendTagged } from '../http/answer.ts';
import type { Route } from '../http/route-table.ts';
import type { RsaIdentity } from './rsa-identity.ts';

/** Clients may keep the key this long before they ask again, with its ETag. */
const MAX_AGE_SECONDS = 300;

/** `GET /pki/public_key`: the router's RSA key, PEM. */
export function pkiRoutes(identity: RsaIdentity): readonly Route[] {
  const body = Buffer.from(identity.publicKeyPem);
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': `public, max-age=${MAX_AGE_SECONDS}`,
    etag: `"${identity.fingerprint}"`,
    [BINDING_HEADER]: String(BINDING_VERSION),
  };
  return [
    {
      method: 'GET',
      path: '/pki/public_key',
      handle: (exchange) => sendTagged(exchange, headers, body),
      operation: {
        summary: 'The RSA key that nomyo-v1 requests are sealed to',
        tag: 'keys',
        credential: 'none',
        responses: { 200: { description: 'The key, PEM.', content: { 'text/plain': null } } },
      },
    },
  ];
}
