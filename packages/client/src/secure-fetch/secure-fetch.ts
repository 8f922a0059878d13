import type { SecureConnection } from '../ohttp/connection.ts';
import type { Trust } from '../ohttp/key-source.ts';
import type { OhttpChannel } from '../ohttp/ohttp-channel.ts';
import type { RouterUrl } from '../router-url.ts';
import { errorResponse, type OnSecurityError } from './error-response.ts';
import { makeResponse } from './make-response.ts';
import { readRequest, type SecureFetchInit } from './read-request.ts';

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
}

/** Makes the `fetch` of a channel. */
export function secureFetchOver(
  channel: OhttpChannel,
  router: RouterUrl,
  onSecurityError: OnSecurityError,
): SecureFetch {
  async function exchange(input: string | URL | Request, init: SecureFetchInit | undefined): Promise<Response> {
    const { inner, signal } = await readRequest(router, input, init);
    signal?.throwIfAborted();
    return makeResponse(await channel.send(inner, signal), inner.method, signal);
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

  return Object.assign(secureFetch, {
    trust: channel.trust,
    connection: (signal = new AbortController().signal) => channel.connection(signal),
  });
}
