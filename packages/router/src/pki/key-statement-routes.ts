import { KEY_STATEMENT_PATH, type KeyClaims, signStatement } from '@sotto/protocol/key-statement';
import { sendTagged } from '../http/answer.ts';
import type { Route } from '../http/route-table.ts';
import type { SigningIdentity } from './signing-identity.ts';

/** Clients may keep the statement this long before they ask again. */
const MAX_AGE_SECONDS = 300;

/** `GET /pki/keys`: the signed statement of all the router's keys. Signed once for each set of keys. */
export function keyStatementRoutes(identity: SigningIdentity, currentClaims: () => KeyClaims): readonly Route[] {
  let signed: { readonly kid: string; readonly body: Promise<Buffer> } | null = null;
  return [
    {
      method: 'GET',
      path: KEY_STATEMENT_PATH,
      handle: async (exchange) => {
        const claims = currentClaims();
        if (signed?.kid !== claims.kid) {
          signed = { kid: claims.kid, body: signStatement(claims, [identity]).then((text) => Buffer.from(text)) };
        }
        const headers = {
          'content-type': 'application/json',
          'cache-control': `public, max-age=${MAX_AGE_SECONDS}`,
          etag: `"${claims.kid}"`,
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
