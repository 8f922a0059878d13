import { apiError } from '@sotto/protocol';
import type { Exchange, HeaderFields, ResponseSink } from '../http/exchange.ts';
import { newRequestId } from '../http/request-id.ts';

/** Makes an exchange of one message: a POST with the message's body. */
export function messageExchange(path: string, headers: HeaderFields, body: Uint8Array, sink: ResponseSink): Exchange {
  return {
    id: newRequestId(),
    request: {
      method: 'POST',
      path,
      query: '',
      headers,
      sealedBy: null,
      sealedTier: null,
      body: (maxBytes) =>
        body.length > maxBytes
          ? Promise.reject(apiError('payload_too_large', `a request body has at most ${maxBytes} bytes here`))
          : Promise.resolve(body),
    },
    sink,
  };
}
