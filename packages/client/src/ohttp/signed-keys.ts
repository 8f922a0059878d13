import { decodeUtf8 } from '@sotto/protocol';
import { KEY_STATEMENT_PATH, MAX_STATEMENT_BYTES, verifyStatement } from '@sotto/protocol/key-statement';
import type { RememberedRouter } from '../router-memory.ts';
import type { RouterUrl } from '../router-url.ts';
import { readAll } from '../transport.ts';
import { fetchKeys, freshFor } from './fetch-keys.ts';
import type { FoundKeys } from './key-source.ts';
import type { OhttpRuntime } from './runtime.ts';

/** How far this machine's clock and the router's may be apart. */
const CLOCK_SKEW_MS = 300_000;

interface SignedKeysSettings {
  readonly runtime: OhttpRuntime;
  readonly router: RouterUrl;
  readonly pinnedSigners: ReadonlySet<string>;
  readonly memory: RememberedRouter;
}

/**
 * Fetches the router's key statement, verifies it, and remembers its epoch.
 * @throws SecurityError `untrusted_signer`, `invalid_key_statement`, `key_statement_expired`, `key_statement_rollback`,
 *   `audience_mismatch`, and what fetching throws
 */
export async function findSignedKeys(
  { runtime, router, pinnedSigners, memory }: SignedKeysSettings,
  signal: AbortSignal,
  revalidate: boolean,
): Promise<FoundKeys> {
  const request = { url: router.at(KEY_STATEMENT_PATH), accept: 'application/json' };
  const answer = await fetchKeys(runtime.transport, request, signal, revalidate);
  const statement = decodeUtf8(await readAll(answer.body, MAX_STATEMENT_BYTES)) ?? '';
  const { epoch: leastEpoch } = await memory.recall();
  const nowMs = runtime.clock.now();
  const claims = await verifyStatement(runtime.crypto, runtime.verifyEd25519, statement, {
    pinnedSigners,
    origin: new URL(router.base).origin,
    leastEpoch,
    nowMs,
    clockSkewMs: CLOCK_SKEW_MS,
  });
  await memory.raise({ epoch: claims.epoch });
  const validMs = claims.expiresAt * 1000 + CLOCK_SKEW_MS - nowMs;
  return { keyConfigs: claims.keyConfigs, freshMs: Math.min(freshFor(answer), validMs) };
}
