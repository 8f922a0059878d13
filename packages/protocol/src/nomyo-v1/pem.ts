import { decodeBase64, encodeBase64 } from '../base64.ts';

/** A PEM text (RFC 7468) of 8,192-bit keys stays under this; anything longer is refused unread. */
export const MAX_PEM_CHARACTERS = 16_384;

/** The types of PEM text that keys come in. */
export type PemLabel = 'PUBLIC KEY' | 'PRIVATE KEY' | 'ENCRYPTED PRIVATE KEY' | 'RSA PUBLIC KEY' | 'RSA PRIVATE KEY';

/** A decoded PEM text. */
export interface PemBlock {
  readonly label: string;
  /** Header lines between BEGIN and the base64 (RFC 1421), as OpenSSL's legacy encrypted keys have them. */
  readonly hasHeaders: boolean;
  /** The DER, or what the encryption made of it. Empty where {@link PemBlock.hasHeaders}. */
  readonly der: Uint8Array<ArrayBuffer>;
}

const SHAPE = /^-----BEGIN ([A-Z0-9 ]{1,40})-----\r?\n([\s\S]*?)\r?\n?-----END \1-----$/;

/**
 * Reads one PEM text, and nothing beside it but white space.
 * @returns null where it is not one
 */
export function decodePem(text: string): PemBlock | null {
  if (text.length > MAX_PEM_CHARACTERS) return null;
  const [, label, body] = SHAPE.exec(text.trim()) ?? [];
  if (label === undefined || body === undefined) return null;
  if (body.includes(':')) return { label, hasHeaders: true, der: new Uint8Array(0) };
  const der = decodeBase64(body.replace(/[\r\n\t ]/g, ''));
  return der === null || der.length === 0 ? null : { label, hasHeaders: false, der };
}

/** Writes PEM (RFC 7468 §2): lines of 64 characters, a newline at the end. */
export function encodePem(label: PemLabel, der: Uint8Array): string {
  const lines = encodeBase64(der).replace(/.{1,64}/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`;
}
