import type { SecurityTier } from '@sotto/protocol';
import type { AttestationStatus } from '../attestation/attestation-status.ts';
import type { Attestations } from '../attestation/attestations.ts';
import type { SecureConnection } from '../ohttp/connection.ts';
import type { InnerRequest } from '../ohttp/inner-request.ts';
import type { Trust } from '../ohttp/key-source.ts';
import type { OhttpChannels } from '../ohttp-channels.ts';
import type { RouterUrl } from '../router-url.ts';
import { errorResponse, type OnSecurityError } from './error-response.ts';
import { makeResponse } from './make-response.ts';
import { readRequest, type SecureFetchInit } from './read-request.ts';
import { requestTier } from './request-tier.ts';

/**
 * A `fetch` to one router, end-to-end encrypted: method, path, header fields and body go inside the ciphertext, and
 * the answer comes out of it. It takes what `fetch` takes, but follows no redirect, keeps no cookie and no cache, and
 * reads no `accept-encoding`.
 */
export interface SecureFetch {
  (input: string | URL | Request, init?: RequestInit | SecureFetchInit): Promise<Response>;
  /** What vouches for the router's keys: with `unpinned`, whoever terminates TLS can read everything. */
  readonly trust: Trust;
  /** What requests are sealed with now, to be shown to a person. Throws as a request would that finds no key. */
  connection(signal?: AbortSignal): Promise<SecureConnection>;
  /** What is known of the router's evidence: verified, refused and why, or not looked at yet. */
  readonly attestation: AttestationStatus;
  /**
   * Verifies the router's evidence now, for the option `tier`, in the place of with the first request; resolves at once
   * where none is asked for. Throws as a request would.
   */
  ready(signal?: AbortSignal): Promise<AttestationStatus>;
}

/** What leads a `fetch` to its router. */
export interface SecureFetchWay {
  readonly router: RouterUrl;
  /** The tier of requests that name none. */
  readonly tier: SecurityTier | null;
  readonly channels: OhttpChannels;
  readonly attestations: Attestations;
}

/** Makes the `fetch` to a router. */
export function secureFetchOver(way: SecureFetchWay, onSecurityError: OnSecurityError): SecureFetch {
  const { router, tier, channels, attestations } = way;

  async function exchange(input: string | URL | Request, init: SecureFetchInit | undefined): Promise<Response> {
    const { inner, signal } = await readRequest(router, input, init);
    signal?.throwIfAborted();
    const asked = requestTier(inner);
    const request: InnerRequest =
      asked !== null || tier === null ? inner : { ...inner, headers: [...inner.headers, ['x-security-tier', tier]] };
    return makeResponse(await channels.of(router, asked ?? tier).send(request, signal), inner.method, signal);
  }

  async function secureFetch(input: string | URL | Request, init?: RequestInit | SecureFetchInit): Promise<Response> {
    try {
      return await exchange(input, init);
    } catch (error) {
      const response = onSecurityError === 'response' ? errorResponse(error) : null;
      if (response === null) throw error;
      return response;
    }
  }

  const never = new AbortController().signal;
  const own = {
    trust: channels.of(router, tier).trust,
    connection: (signal = never) => channels.of(router, tier).connection(signal),
    ready: (signal = never) => attestations.ready(router, tier, signal),
  } satisfies Partial<SecureFetch>;
  return Object.defineProperty(Object.assign(secureFetch, own), 'attestation', {
    get: () => attestations.statusOf(router),
  }) as SecureFetch;
}
