import { decodeUtf8, type SecurityTier } from '@sotto/protocol';
import { parseSecurityTier } from '../chat-request.ts';
import { isObject } from '../json-object.ts';
import type { InnerRequest } from '../ohttp/inner-request.ts';

/**
 * The tier that a request asks for: by its header field, else by the member of a JSON body that is there as a whole.
 * Where both name one and differ, the router refuses the request.
 * @returns null where it names none
 * @throws InvalidRequestError `invalid_security_tier`
 */
export function requestTier({ headers, content }: InnerRequest): SecurityTier | null {
  const named = new Map(headers).get('x-security-tier');
  return parseSecurityTier(named ?? (content instanceof Uint8Array ? memberOf(content) : null));
}

function memberOf(content: Uint8Array): unknown {
  const text = decodeUtf8(content);
  // Most bodies name none, and long ones take long to parse.
  if (!text?.includes('"security_tier"')) return null;
  try {
    const body: unknown = JSON.parse(text);
    return isObject(body) ? body['security_tier'] : null;
  } catch {
    return null;
  }
}
