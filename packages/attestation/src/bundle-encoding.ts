import { encodeBase64Url } from './base64url.ts';
import type { Bundle } from './bundle.ts';

/** Writes a bundle as JSON, binary members as base64url; the inverse of `parseBundle`. */
export function encodeBundle(bundle: Bundle): string {
  return JSON.stringify(bundle, (_, value: unknown) => (value instanceof Uint8Array ? encodeBase64Url(value) : value));
}
