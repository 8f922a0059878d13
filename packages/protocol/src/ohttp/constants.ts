import { encodeUtf8 } from '../bytes.ts';

/** A list of key configurations (RFC 9458 §3.2). */
export const OHTTP_KEYS_MEDIA_TYPE = 'application/ohttp-keys';
/** A whole encapsulated request (RFC 9458 §9.2). */
export const OHTTP_REQUEST_MEDIA_TYPE = 'message/ohttp-req';
/** A whole encapsulated response (RFC 9458 §9.3). */
export const OHTTP_RESPONSE_MEDIA_TYPE = 'message/ohttp-res';
/** An encapsulated request in chunks (draft-ietf-ohai-chunked-ohttp-08 §3). */
export const OHTTP_CHUNKED_REQUEST_MEDIA_TYPE = 'message/ohttp-chunked-req';
/** An encapsulated response in chunks (draft-ietf-ohai-chunked-ohttp-08 §3). */
export const OHTTP_CHUNKED_RESPONSE_MEDIA_TYPE = 'message/ohttp-chunked-res';
/** Where a gateway is found, by GET its keys and by POST itself (RFC 9540 §4). */
export const OHTTP_GATEWAY_PATH = '/.well-known/ohttp-gateway';

/** Problem type of a request under a key that the gateway does not have (RFC 9458 §5.3). */
export const OHTTP_KEY_PROBLEM_TYPE = 'https://iana.org/assignments/http-problem-types#ohttp-key';
/** Problem type of a request whose `Date` the gateway does not accept (RFC 9458 §6.5.2). */
export const OHTTP_DATE_PROBLEM_TYPE = 'https://iana.org/assignments/http-problem-types#date';
/** Media type of a problem (RFC 9457 §3). */
export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/**
 * The longest plaintext of a chunk that every receiver takes, and so the longest that is sent
 * (draft-ietf-ohai-chunked-ohttp-08 §3).
 */
export const MAX_CHUNK_BYTES = 16_384;

/** The two forms of a message, each with labels of its own: one cannot be opened as the other. */
export type OhttpForm = 'whole' | 'chunked';

/** The labels that keep requests, responses and the two forms apart, without their trailing zero byte. */
export const LABELS: Readonly<Record<OhttpForm, { readonly request: Uint8Array; readonly response: Uint8Array }>> = {
  // RFC 9458 §4.3, §4.4
  whole: { request: encodeUtf8('message/bhttp request'), response: encodeUtf8('message/bhttp response') },
  // draft-ietf-ohai-chunked-ohttp-08 §6.1, §6.2
  chunked: {
    request: encodeUtf8('message/bhttp chunked request'),
    response: encodeUtf8('message/bhttp chunked response'),
  },
};
