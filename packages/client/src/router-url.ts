import { ConfigurationError, SecurityError } from '@sotto/protocol';

/** NOMYO's router, where neither an option nor the environment names another. */
export const DEFAULT_BASE_URL = 'https://api.nomyo.ai';

/** A router's address, checked. */
export interface RouterUrl {
  /** Without a slash at the end; the same router always reads the same. */
  readonly base: string;
  /** The address of one of the router's paths, which starts with a slash. */
  at(path: string): string;
}

/**
 * Reads a router's address. A final `/v1`, which OpenAI's SDKs want there, is taken off.
 * @throws ConfigurationError `invalid_option` for anything but an http or https URL without credentials, query
 *   and fragment
 * @throws SecurityError `insecure_transport` for http, unless `allowHttp`
 */
export function parseRouterUrl(text: string, allowHttp: boolean): RouterUrl {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalid('is not a URL');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw invalid('is neither https nor http');
  // A URL ends up in logs and error reports.
  if (url.username !== '' || url.password !== '') throw invalid('holds credentials: use the option apiKey');
  if (url.search !== '' || url.hash !== '') throw invalid('has a query or fragment');
  if (url.protocol === 'http:' && !allowHttp) {
    throw new SecurityError('the router is addressed over plain http: use https, or set allowHttp for a local test', {
      code: 'insecure_transport',
    });
  }
  const base = url.origin + url.pathname.replace(/\/+$/, '').replace(/\/v1$/, '');
  return { base, at: (path) => base + path };
}

function invalid(reason: string): ConfigurationError {
  return new ConfigurationError(`the router's address ${reason}`, { code: 'invalid_option' });
}
