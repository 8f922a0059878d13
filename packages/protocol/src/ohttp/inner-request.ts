import { apiError } from '../api-error.ts';
import type { RequestHead } from '../bhttp/message.ts';
import type { SottoError } from '../errors.ts';

/** What of an encapsulated request decides where it goes, checked. */
export interface InnerTarget {
  readonly method: string;
  /** Origin-form, without its query: begins with exactly one slash. */
  readonly path: string;
  /** With its question mark, or empty. */
  readonly query: string;
  /** What Content-Length says, or null. */
  readonly contentLength: number | null;
}

/** Fields that would change what the connection is, which an encapsulated request has none of (RFC 9110 §7.6.1). */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Path characters of RFC 3986 §3.3 without `@`, in segments of which only the last may be empty. */
const ORIGIN_FORM_PATH =
  /^\/(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})+\/)*(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*$/;
/** RFC 3986 §3.4. */
const QUERY = /^(?:\?(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*)?$/;
/** Host and port without user information (RFC 3986 §3.2); an IPv6 address in brackets. */
const AUTHORITY = /^(?:[A-Za-z0-9\-._~]+|\[[0-9A-Fa-f:.]+\])?(?::[0-9]{1,5})?$/;

/**
 * Checks that an encapsulated request is an ordinary one to the router itself (protocol-ohttp §7): no CONNECT, no
 * upgrade, no absolute form, no second slash, no user information, no dot segment, one length at most, no
 * expectation. The authority is checked for its form only: nothing is ever sent to it.
 * @throws InvalidRequestError `invalid_message`
 */
export function checkInnerRequest(head: RequestHead): InnerTarget {
  if (head.method === 'CONNECT' || head.method === 'TRACE') throw refused(`has the method ${head.method}`);
  if (head.scheme !== 'https' && head.scheme !== 'http') throw refused('has a scheme other than https');
  if (!AUTHORITY.test(head.authority)) throw refused('has an authority that is not a host and a port');
  const queryStart = head.path.indexOf('?');
  const path = queryStart < 0 ? head.path : head.path.slice(0, queryStart);
  const query = queryStart < 0 ? '' : head.path.slice(queryStart);
  if (!ORIGIN_FORM_PATH.test(path) || !QUERY.test(query)) throw refused('has a target that is not a plain path');
  if (hasDotSegment(path)) throw refused('has a path that climbs');

  let contentLength: number | null = null;
  for (const [name, value] of head.headers) {
    if (name.startsWith(':') || CONNECTION_FIELDS.has(name)) throw refused('has a field that is for connections');
    if (name === 'expect') throw refused('has an expectation'); // RFC 9458 §5.1
    if (name !== 'content-length') continue;
    if (contentLength !== null) throw refused('has more than one content-length'); // RFC 9110 §8.6
    if (!/^[0-9]{1,15}$/.test(value)) throw refused('has a content-length that is not a number');
    contentLength = Number(value);
  }
  return { method: head.method, path, query, contentLength };
}

/** A segment that is one or two dots, plainly or percent-encoded (RFC 3986 §3.3). */
function hasDotSegment(path: string): boolean {
  return path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment));
}

function refused(reason: string): SottoError {
  return apiError('invalid_message', `the encapsulated request ${reason}`);
}
