import { fetchTransport } from '../fetch-transport.ts';
import { parseRouterUrl } from '../router-url.ts';
import { fetchEvidence } from './fetch-evidence.ts';

export { failedSteps, passedSteps } from './attestation-steps.ts';

/** Whose bundle {@link fetchBundle} fetches. */
export interface BundleRequest {
  readonly routerUrl: string;
  readonly allowHttp?: boolean | undefined;
  /** The challenge to answer, 32 bytes; without it static evidence will do. */
  readonly nonce?: Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A bundle as it came, of which nothing is known, and the origin that its claims must name. */
export interface FetchedBundle {
  readonly bundle: Uint8Array;
  readonly origin: string;
}

/**
 * Fetches a router's evidence bundle, for tools that look at it themselves. Clients do so by their option `attestation`.
 * @throws AttestationError `evidence_missing`, `evidence_malformed`, `fetch_failed`
 * @throws ConfigurationError `invalid_option`, SecurityError `insecure_transport`
 */
export async function fetchBundle({
  routerUrl,
  allowHttp = false,
  nonce,
  signal,
}: BundleRequest): Promise<FetchedBundle> {
  const router = parseRouterUrl(routerUrl, allowHttp);
  const transport = fetchTransport((url, init) => fetch(url, init));
  const bundle = await fetchEvidence(transport, router, { nonce }, signal ?? new AbortController().signal);
  return { bundle, origin: new URL(router.base).origin };
}
