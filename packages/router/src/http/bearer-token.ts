import type { HeaderFields } from './exchange.ts';

/** RFC 9110 §11.1: the scheme's name is case-insensitive. */
const BEARER = /^Bearer +(\S+) *$/i;

/** The token of `Authorization: Bearer`, or null where there is none. */
export function bearerToken(headers: HeaderFields): string | null {
  return BEARER.exec(headers['authorization'] ?? '')?.[1] ?? null;
}
