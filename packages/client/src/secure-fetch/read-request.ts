import { ConfigurationError } from '@sotto/protocol';
import type { InnerRequest } from '../ohttp/inner-request.ts';
import type { RouterUrl } from '../router-url.ts';
import { type RequestContent, readContent } from './request-content.ts';

/** What `fetch` was called with, read. */
export interface FetchRequest {
  readonly inner: InnerRequest;
  readonly signal: AbortSignal | null;
}

/** Node's types leave the async iterables out that its `fetch` takes. */
export type SecureFetchInit = Omit<RequestInit, 'body'> & { readonly body?: RequestContent };

/** Methods that `fetch` writes in upper case (Fetch §2.2.1: normalize a method). */
const NORMALIZED = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT']);
/** RFC 9110 §9.3.6 and §9.3.8, which Fetch §2.2.1 forbids too. */
const FORBIDDEN = new Set(['CONNECT', 'TRACE', 'TRACK']);

/**
 * Reads the arguments of `fetch`.
 * @throws ConfigurationError `invalid_option` for another origin than the router's, and for what no request can be
 */
export async function readRequest(
  router: RouterUrl,
  input: string | URL | Request,
  init: SecureFetchInit = {},
): Promise<FetchRequest> {
  const request = input instanceof Request ? input : null;
  const path = pathOf(router, request === null ? String(input) : request.url);
  const method = parseMethod(init.method ?? request?.method ?? 'GET');
  const headers = new Headers(init.headers ?? request?.headers);
  const { content, contentType } = await readContent(init.body ?? request?.body);
  if (content !== null && (method === 'GET' || method === 'HEAD')) throw invalid(`a ${method} request has no body`);
  if (contentType !== null && !headers.has('content-type')) headers.set('content-type', contentType);
  return {
    inner: { method, path, headers: [...headers], content },
    // Null takes the signal of a Request away.
    signal: init.signal === undefined ? (request?.signal ?? null) : init.signal,
  };
}

/** The path on the router itself: what stands before it in the router's address is taken off. */
function pathOf(router: RouterUrl, text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalid('the address is no absolute URL');
  }
  const base = new URL(router.base);
  const prefix = base.pathname === '/' ? '' : base.pathname;
  const isBelow = url.pathname === prefix || url.pathname.startsWith(`${prefix}/`);
  if (url.origin !== base.origin || !isBelow) {
    // The address is not quoted: its query may hold a key.
    throw invalid('this is not an address of the router');
  }
  if (url.username !== '' || url.password !== '') throw invalid('the address holds credentials');
  const path = url.pathname.slice(prefix.length);
  return (path === '' ? '/' : path) + url.search;
}

function parseMethod(method: string): string {
  const upper = method.toUpperCase();
  if (FORBIDDEN.has(upper)) throw invalid(`the method ${upper} cannot be sent`);
  return NORMALIZED.has(upper) ? upper : method;
}

function invalid(message: string): ConfigurationError {
  return new ConfigurationError(message, { code: 'invalid_option' });
}
