import { decodeUtf8, type SecurityTier, tierAtLeast } from '@sotto/protocol';
import { parseSecurityTier } from '../chat-request.ts';
import { isObject } from '../json-object.ts';
import type { InnerRequest } from '../ohttp/inner-request.ts';

/**
 * The tier that a request asks for: by its header field, or by the member of a JSON body that is there as a whole; the
 * higher of two.
 * @returns null where it names none
 * @throws InvalidRequestError `invalid_security_tier`
 */
export function requestTier({ headers, content }: InnerRequest): SecurityTier | null {
  const named = parseSecurityTier(headers.find(([name]) => name === 'x-security-tier')?.[1]);
  const inBody = content instanceof Uint8Array ? parseSecurityTier(memberOf(content)) : null;
  if (named === null || inBody === null) return named ?? inBody;
  return tierAtLeast(named, inBody) ? named : inBody;
}

function memberOf(content: Uint8Array): unknown {
  const text = decodeUtf8(content);
  // Most bodies name none, and long ones take long to parse.
  if (text?.includes('"security_tier"') !== true) return null;
  try {
    const body: unknown = JSON.parse(text);
    return isObject(body) ? body['security_tier'] : null;
  } catch {
    return null;
  }
}
