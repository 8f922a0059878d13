import * as z from 'zod/mini';
import { decodeBase64Url } from './base64url.ts';

/** Strict base64url of at least one and at most `maxBytes` bytes. */
export function base64Url(maxBytes: number) {
  return bytesWhere(maxBytes, (bytes) => bytes.length > 0 && bytes.length <= maxBytes);
}

/** Strict base64url of exactly `count` bytes. */
export function base64UrlOf(count: number) {
  return bytesWhere(count, (bytes) => bytes.length === count);
}

function bytesWhere(maxBytes: number, fits: (bytes: Uint8Array) => boolean) {
  return z.pipe(
    z.string().check(z.maxLength(Math.ceil((maxBytes * 4) / 3))),
    z.transform((text, context): Uint8Array => {
      const bytes = decodeBase64Url(text);
      if (bytes !== null && fits(bytes)) return bytes;
      context.issues.push({ code: 'custom', message: 'not base64url of the expected length', input: text });
      return z.NEVER;
    }),
  );
}

/** Hexadecimal of exactly `count` bytes, in either case; the value is in lower case. */
export function hexOf(count: number) {
  return z.string().check(z.regex(/^[0-9A-Fa-f]*$/), z.length(count * 2), z.toLowerCase());
}
