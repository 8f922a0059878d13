import { apiError } from '@sotto/protocol';
import type { RequestHead } from '@sotto/protocol/bhttp';
import { checkInnerRequest, OHTTP_GATEWAY_PATH } from '@sotto/protocol/ohttp';
import type { ExchangeRequest } from '../../http/exchange.ts';

/** The gateway's other path. */
export const GATEWAY_ALIAS_PATH = '/ohttp';

/**
 * Header fields that an encapsulated request may bring to the routes (protocol-ohttp §7); others are dropped, so that
 * no field that means something between proxies means it here.
 */
const ALLOWED_FIELD =
  /^(?:accept|accept-language|authorization|content-type|date|idempotency-key|openai-[a-z-]+|traceparent|user-agent|x-api-key|x-request-id|x-security-tier|x-sotto-receipt|x-stainless-[a-z-]+)$/;

/** An encapsulated request as the router's routes take it. */
export interface InnerRequest {
  readonly request: ExchangeRequest;
  /** The `Date` field, Unix time in milliseconds; null where there is none that can be read. */
  readonly dateMs: number | null;
}

/**
 * Makes the routes' request of a decoded message.
 * @throws InvalidRequestError `invalid_message` for anything but an ordinary request to the router itself
 */
export function innerRequest(head: RequestHead, content: readonly Uint8Array[]): InnerRequest {
  const { method, path, query, contentLength } = checkInnerRequest(head);
  if (path === OHTTP_GATEWAY_PATH || path === GATEWAY_ALIAS_PATH) {
    throw apiError('invalid_message', 'an encapsulated request cannot be for the gateway itself');
  }
  const [only] = content;
  const body = content.length === 1 && only !== undefined ? only : Buffer.concat(content);
  if (contentLength !== null && contentLength !== body.length) {
    throw apiError('invalid_message', 'the encapsulated request has another length than it says');
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of head.headers) {
    if (!ALLOWED_FIELD.test(name)) continue;
    if (Object.hasOwn(headers, name)) throw apiError('invalid_message', `the encapsulated request has ${name} twice`);
    headers[name] = value;
  }
  const dateMs = Date.parse(headers['date'] ?? '');
  return {
    request: {
      method,
      path,
      query: query.slice(1),
      headers,
      sealedBy: 'ohttp',
      sealedTier: null,
      body: (maxBytes) =>
        body.length > maxBytes
          ? Promise.reject(apiError('payload_too_large', `a request body has at most ${maxBytes} bytes here`))
          : Promise.resolve(body),
    },
    dateMs: Number.isNaN(dateMs) ? null : dateMs,
  };
}
