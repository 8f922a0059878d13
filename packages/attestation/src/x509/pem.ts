import { decodeBase64, encodeBase64 } from '@sotto/protocol';

const BLOCK =
  /-----BEGIN CERTIFICATE-----\n((?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{1,64}={0,2}\n)-----END CERTIFICATE-----\n/y;

/**
 * DER of the certificates of a PEM text (RFC 7468 §3, the strict form: 64 columns, LF, nothing between or around the
 * blocks), so that one chain has one spelling. Throws `RangeError`.
 */
export function decodePemChain(text: string): readonly Uint8Array[] {
  const chain: Uint8Array[] = [];
  const pattern = new RegExp(BLOCK);
  while (pattern.lastIndex < text.length) {
    const body = pattern.exec(text)?.[1];
    const der = body === undefined ? null : decodeBase64(body.replaceAll('\n', ''));
    if (der === null) throw new RangeError('certificate chain is not strict PEM');
    chain.push(der);
  }
  return chain;
}

/** Certificates as the PEM text that {@link decodePemChain} reads. */
export function encodePemChain(...certificates: readonly Uint8Array[]): string {
  return certificates
    .map((certificate) => {
      const lines = encodeBase64(certificate).match(/.{1,64}/g) ?? [];
      return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
    })
    .join('');
}
