import { decodeBase64 } from '@sotto/protocol';

const BLOCK = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g;

/**
 * DER of the certificates in a PEM text as services write it: lines of any length, text between the blocks (RFC 7468
 * §2). Nothing but certificates is taken from it, and each is written anew. Throws `RangeError`.
 */
export function decodeLenientPem(text: string): readonly Uint8Array[] {
  return [...text.matchAll(BLOCK)].map(([, body = '']) => {
    const der = decodeBase64(body.replace(/\s/g, ''));
    if (der === null || der.length === 0) throw new RangeError('PEM holds something else than base64');
    return der;
  });
}
