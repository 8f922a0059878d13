import { createHash } from 'node:crypto';
import { KEY_STATEMENT_PATH, type KeyClaims, serializeClaims, signStatement } from '@sotto/protocol/key-statement';
import { sendTagged } from '../http/answer.ts';
import type { Route } from '../http/route-table.ts';
import type { SigningIdentity } from './signing-identity.ts';

/** Clients may keep the statement this long before they ask again. */
const MAX_AGE_SECONDS = 300;

/** `GET /pki/keys`: the signed statement of all the router's keys. Signed once for each set of keys. */
export function keyStatementRoutes(identity: SigningIdentity, currentClaims: () => KeyClaims): readonly Route[] {
  let signed: { readonly claims: KeyClaims; readonly etag: string; readonly body: Promise<Buffer> } | null = null;
  return [
    {
      method: 'GET',
      path: KEY_STATEMENT_PATH,
      handle: async (exchange) => {
        const claims = currentClaims();
        // The same object says the same.
        if (signed?.claims !== claims) {
          signed = {
            claims,
            etag: etagOf(claims),
            body: signStatement(claims, [identity]).then((text) => Buffer.from(text)),
          };
        }
        const headers = {
          'content-type': 'application/json',
          'cache-control': `public, max-age=${MAX_AGE_SECONDS}`,
          etag: signed.etag,
        };
        sendTagged(exchange, headers, await signed.body);
      },
      operation: {
        summary: 'All of the router’s keys, signed with its identity',
        tag: 'keys',
        credential: 'none',
        responses: { 200: { description: 'The claims and their signatures.', content: { 'application/json': null } } },
      },
    },
  ];
}

/** Of all that is claimed: a reload may change that and leave the keys as they are. */
function etagOf(claims: KeyClaims): string {
  return `"${createHash('sha256').update(serializeClaims(claims)).digest('base64url')}"`;
}
