import type { Field, RequestHead } from './message.ts';

/** RFC 9110 §5.6.2: the characters of a token. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 3986 §3.1. */
const SCHEME = /^[A-Za-z][A-Za-z0-9+\-.]*$/;
/** RFC 3986 §2: no white space, no control, nothing but ASCII. */
const VISIBLE_ASCII = /^[\x21-\x7e]*$/;
/** RFC 9113 §8.2.1: no space or tab at either end. */
const EDGE_SPACE = /^[ \t]|[ \t]$/;
/** RFC 9292 §3.6: the pseudo-fields that control data stands for. */
const CONTROL_PSEUDO_FIELDS: ReadonlySet<string> = new Set([':method', ':scheme', ':authority', ':path', ':status']);

/** Which section a field is in: pseudo-fields may be in a header section only (RFC 9113 §8.1). */
export type Section = 'header' | 'trailer';

/**
 * What is wrong with a field line where it stands, or null where nothing is.
 * @param previous the name before it in its section, or null for the first
 */
export function fieldFault([name, value]: Field, section: Section, previous: string | null): string | null {
  if (name.startsWith(':')) {
    if (CONTROL_PSEUDO_FIELDS.has(name)) return 'has a pseudo-field that control data stands for';
    if (!TOKEN.test(name.slice(1))) return 'has a field name that is not a token';
    if (section === 'trailer') return 'has a pseudo-field in its trailers';
    if (previous !== null && !previous.startsWith(':')) return 'has a pseudo-field after another field';
  } else if (!TOKEN.test(name)) {
    return 'has a field name that is not a token';
  }
  if (!isFieldValue(value) || EDGE_SPACE.test(value)) return 'has a field value that HTTP does not allow';
  return null;
}

/** No NUL, CR or LF anywhere, and one byte a character (RFC 9113 §8.2.1). */
function isFieldValue(value: string): boolean {
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code === 0x00 || code === 0x0a || code === 0x0d || code > 0xff) return false;
  }
  return true;
}

/** What is wrong with a request's control data (RFC 9292 §3.4, RFC 9113 §8.3.1), or null where nothing is. */
export function controlDataFault({ method, scheme, authority, path }: Omit<RequestHead, 'headers'>): string | null {
  if (!TOKEN.test(method)) return 'has a method that is not a token';
  if (!VISIBLE_ASCII.test(authority)) return 'has an authority that HTTP does not allow';
  if (!VISIBLE_ASCII.test(path)) return 'has a path that HTTP does not allow';
  if (method === 'CONNECT') {
    // RFC 9113 §8.5: CONNECT has an authority and nothing else.
    return scheme === '' && path === '' && authority !== '' ? null : 'has a CONNECT with a scheme or a path';
  }
  if (!SCHEME.test(scheme)) return 'has a scheme that is not one';
  return path === '' ? 'has an empty path' : null;
}
