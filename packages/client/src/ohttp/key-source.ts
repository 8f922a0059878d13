import { decodeUtf8, SecurityError } from '@sotto/protocol';
import { KEY_STATEMENT_PATH, type KeyClaims, MAX_STATEMENT_BYTES, verifyStatement } from '@sotto/protocol/key-statement';
import { MAX_KEY_CONFIGS_BYTES, OHTTP_GATEWAY_PATH, OHTTP_KEYS_MEDIA_TYPE } from '@sotto/protocol/ohttp';
import { mediaType } from '../media-type.ts';
import { errorOfAnswer } from '../router-answer.ts';
import type { RememberedRouter } from '../router-memory.ts';
import type { RouterUrl } from '../router-url.ts';
import { readAll, type Transport, type TransportResponse } from '../transport.ts';
import type { OhttpRuntime } from './runtime.ts';

/**
 * What vouches for a router's keys: a pinned identity that signed them (`pinned`), the program that brought them
 * along (`given`), or nothing but the TLS connection they were fetched over (`unpinned`): whoever terminates TLS can
 * then put keys of their own in the place of the router's, and read everything.
 */
export type Trust = 'pinned' | 'given' | 'unpinned';

/** A router's keys as they were found. */
export interface FoundKeys {
  /** `application/ohttp-keys` (RFC 9458 §3.2). */
  readonly keyConfigs: Uint8Array;
  /** How long they may be used before they are asked for again, in milliseconds. */
  readonly freshMs: number;
}

/** Finds a router's keys. */
export interface KeySource {
  readonly trust: Trust;
  /**
   * @param revalidate past every cache: the keys that were found last do not work
   * @throws SecurityError, APIError, APIConnectionError
   */
  find(signal: AbortSignal, revalidate: boolean): Promise<FoundKeys>;
}

/** How far this machine's clock and the router's may be apart. */
const CLOCK_SKEW_MS = 300_000;
const DEFAULT_FRESH_MS = 600_000;
/** A key that is no longer taken shows itself by a problem of its own: asking more often than this gains nothing. */
const MIN_FRESH_MS = 60_000;
const MAX_FRESH_MS = 86_400_000;
/** What a router answers that has no such route: it does not speak ohttp. */
const NOT_OFFERED_STATUSES = new Set([404, 405]);

/** Keys as the router lists them at the gateway's own address (RFC 9540 §4), unverified. */
export function unpinnedKeys({ transport }: OhttpRuntime, router: RouterUrl): KeySource {
  return {
    trust: 'unpinned',
    async find(signal, revalidate) {
      const url = router.at(OHTTP_GATEWAY_PATH);
      const answer = await get(transport, url, OHTTP_KEYS_MEDIA_TYPE, signal, revalidate);
      if (mediaType(answer.headers['content-type']) !== OHTTP_KEYS_MEDIA_TYPE) {
        await answer.body.cancel();
        throw new SecurityError('what the router answers is no list of ohttp keys: check its address', {
          code: 'invalid_key_config',
        });
      }
      return { keyConfigs: await readAll(answer.body, MAX_KEY_CONFIGS_BYTES), freshMs: freshFor(answer) };
    },
  };
}

/** Keys out of a statement that one of the pinned identities has signed, no older than the newest that was seen. */
export function pinnedKeys(
  runtime: OhttpRuntime,
  router: RouterUrl,
  pinnedSigners: ReadonlySet<string>,
  memory: RememberedRouter,
): KeySource {
  const { origin } = new URL(router.base);
  return {
    trust: 'pinned',
    async find(signal, revalidate) {
      const answer = await get(runtime.transport, router.at(KEY_STATEMENT_PATH), 'application/json', signal, revalidate);
      const statement = decodeUtf8(await readAll(answer.body, MAX_STATEMENT_BYTES)) ?? '';
      const { epoch } = await memory.recall();
      const claims = await verifyStatement(runtime.crypto, runtime.verifyEd25519, statement, {
        pinnedSigners,
        origin,
        leastEpoch: epoch,
        nowMs: runtime.clock.now(),
        clockSkewMs: CLOCK_SKEW_MS,
      });
      await memory.raise({ epoch: claims.epoch });
      return { keyConfigs: claims.keyConfigs, freshMs: Math.min(freshFor(answer), validFor(claims, runtime)) };
    },
  };
}

/** Keys that the program brought along, by a way of its own. */
export function givenKeys(keyConfigs: Uint8Array): KeySource {
  const copy = keyConfigs.slice();
  return {
    trust: 'given',
    async find(_, revalidate) {
      if (!revalidate) return { keyConfigs: copy, freshMs: Number.POSITIVE_INFINITY };
      throw new SecurityError('the router no longer has the keys of the option keyConfigs: give it the present ones', {
        code: 'unknown_key_id',
      });
    },
  };
}

async function get(
  transport: Transport,
  url: string,
  accept: string,
  signal: AbortSignal,
  revalidate: boolean,
): Promise<TransportResponse> {
  const headers = { accept, ...(revalidate ? { 'cache-control': 'no-cache' } : {}) };
  const answer = await transport.send({ method: 'GET', url, headers, body: null, signal });
  if (answer.status === 200) return answer;
  if (NOT_OFFERED_STATUSES.has(answer.status)) {
    await answer.body.cancel();
    throw new SecurityError('the router offers no ohttp keys: check its address, and that it has ohttp switched on', {
      code: 'downgrade_refused',
    });
  }
  throw await errorOfAnswer(answer);
}

/** What `Cache-Control: max-age` says (RFC 9111 §5.2.2.1), less the time that caches have held the answer. */
function freshFor({ headers }: TransportResponse): number {
  const maxAge = /(?:^|[\s,])max-age="?(\d{1,10})"?(?:$|[\s,])/i.exec(headers['cache-control'] ?? '')?.[1];
  if (maxAge === undefined) return DEFAULT_FRESH_MS;
  const age = /^\d{1,10}$/.test(headers['age'] ?? '') ? Number(headers['age']) : 0;
  return Math.min(Math.max((Number(maxAge) - age) * 1000, MIN_FRESH_MS), MAX_FRESH_MS);
}

function validFor({ expiresAt }: KeyClaims, { clock }: OhttpRuntime): number {
  return expiresAt * 1000 + CLOCK_SKEW_MS - clock.now();
}
