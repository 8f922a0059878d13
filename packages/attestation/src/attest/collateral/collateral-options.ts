import { ConfigurationError } from '@sotto/protocol';
import type { CollateralClock } from './collateral-clock.ts';

/** How the vendors' services are asked; whatever is left out has a default. */
export interface CollateralOptions {
  /** AMD's key distribution service, or a cache of it: `https://kdsintf.amd.com`. */
  readonly amdKdsUrl?: string;
  /** Intel's provisioning certification service, or a cache of it: `https://api.trustedservices.intel.com`. */
  readonly intelPcsUrl?: string;
  /** The revocation list of Intel's root: `https://certificates.trustedservices.intel.com/IntelSGXRootCA.der`. */
  readonly intelRootCrlUrl?: string;
  /** How long one answer may take, in milliseconds; 10 seconds unless told. */
  readonly timeoutMs?: number;
  /** How often a question is asked; 4 unless told. */
  readonly attempts?: number;
  /** After how long an answer that is still valid is asked for anew; 24 hours unless told. */
  readonly refreshMs?: number;
  /** How many answers are kept; 64 unless told. */
  readonly cacheEntries?: number;
  /** Time, as retries and the cache see it. */
  readonly clock?: CollateralClock;
}

const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

/**
 * Checks the address of a service. What it serves is signed; what is asked of it names the machine.
 * @throws ConfigurationError `invalid_config` for anything but https, except on the loopback
 */
export function serviceUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPrivate = url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.has(url.hostname));
  if (url === null || !isPrivate || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw new ConfigurationError('the address of a collateral service is not an https URL', { code: 'invalid_config' });
  }
  return url;
}

/** An address below that of a service. */
export function pathBelow(base: URL, path: string): URL {
  return new URL(`${base.pathname.replace(/\/$/, '')}${path}`, base);
}
