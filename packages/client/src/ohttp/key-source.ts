import { SecurityError } from '@sotto/protocol';
import { MAX_KEY_CONFIGS_BYTES, OHTTP_GATEWAY_PATH, OHTTP_KEYS_MEDIA_TYPE } from '@sotto/protocol/ohttp';
import type { RouterAttestation } from '../attestation/router-attestation.ts';
import { mediaType } from '../media-type.ts';
import type { RememberedRouter } from '../router-memory.ts';
import type { RouterUrl } from '../router-url.ts';
import { readAll } from '../transport.ts';
import { fetchKeys, freshFor } from './fetch-keys.ts';
import type { OhttpRuntime } from './runtime.ts';

/**
 * What vouches for a router's keys: verified evidence of what the router is (`attested`), a pinned identity that signed
 * them (`pinned`), the program that brought them
 * along (`given`), or nothing but the TLS connection they were fetched over (`unpinned`): whoever terminates TLS can
 * then put keys of their own in the place of the router's, and read everything.
 */
export type Trust = 'attested' | 'pinned' | 'given' | 'unpinned';

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

/** Keys as the router lists them at the gateway's own address (RFC 9540 §4), unverified. */
export function unpinnedKeys({ transport }: OhttpRuntime, router: RouterUrl): KeySource {
  const request = { url: router.at(OHTTP_GATEWAY_PATH), accept: OHTTP_KEYS_MEDIA_TYPE };
  return {
    trust: 'unpinned',
    async find(signal, revalidate) {
      const answer = await fetchKeys(transport, request, signal, revalidate);
      if (mediaType(answer.headers['content-type']) !== OHTTP_KEYS_MEDIA_TYPE) {
        await answer.body.cancel();
        throw new SecurityError('the router sent no list of keys: check its address', {
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
  return {
    trust: 'pinned',
    async find(signal, revalidate) {
      // A page that pins nothing does not load what verifies.
      const { findSignedKeys } = await import('./signed-keys.ts');
      return findSignedKeys({ runtime, router, pinnedSigners, memory }, signal, revalidate);
    },
  };
}

/** Keys that the router's evidence commits to; where an identity is pinned or keys are given, those must agree. */
export function attestedKeys(attestation: RouterAttestation, told: KeySource): KeySource {
  return {
    trust: 'attested',
    find: (signal, revalidate) => attestation.agreeing(told, signal, revalidate),
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
