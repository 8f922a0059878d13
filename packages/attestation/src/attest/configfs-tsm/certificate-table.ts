import { decodeUtf8, encodeHex } from '@sotto/protocol';
import { ByteReader, isZero } from '../../byte-reader.ts';
import { MAX_CERTIFICATE_BYTES } from '../../x509/certificate.ts';
import { decodePemChain } from '../../x509/pem.ts';

const ENTRY_BYTES = 24; // AMD 56421 (GHCB), "SNP Extended Guest Request": GUID, offset, length
const MAX_ENTRIES = 16;

/** GUIDs of the table (AMD 56421, "SNP Extended Guest Request"), in the order of their bytes. */
const CERTIFICATES: Readonly<Record<string, keyof CertificateTable>> = {
  '63da758de6644564adc5f4b93be8accd': 'vcek',
  a8074bc2a25a483eaae639c045a0b8a1: 'vlek',
  '4ab7b379bbac4fe4a02f05aef327c782': 'ask',
  c0b406a4a803495297433fb6014cd0ae: 'ark',
};

/** Certificates that the host gave along with a report, DER; nothing vouches for them. */
export interface CertificateTable {
  readonly vcek?: Uint8Array;
  readonly vlek?: Uint8Array;
  readonly ask?: Uint8Array;
  readonly ark?: Uint8Array;
}

/**
 * Reads the table that `auxblob` of SEV-SNP is: entries up to an empty one, then what they point to. Entries of other
 * kinds are passed over. Throws `RangeError`.
 */
export function parseCertificateTable(auxblob: Uint8Array): CertificateTable {
  const reader = new ByteReader(auxblob);
  const found: { guid: string; offset: number; length: number }[] = [];
  for (;;) {
    const guid = reader.take(16);
    const [offset, length] = [reader.uint32(), reader.uint32()];
    if (isZero(guid) && offset === 0 && length === 0) break;
    found.push({ guid: encodeHex(guid), offset, length });
    if (found.length > MAX_ENTRIES) throw new RangeError('certificate table has too many entries');
  }
  const table: { -readonly [Name in keyof CertificateTable]: Uint8Array } = {};
  for (const { guid, offset, length } of found) {
    if (offset < (found.length + 1) * ENTRY_BYTES || offset + length > auxblob.length) {
      throw new RangeError('certificate table points outside of itself');
    }
    const name = CERTIFICATES[guid];
    if (name === undefined) continue;
    if (table[name] !== undefined) throw new RangeError('certificate table has a certificate twice');
    if (length === 0 || length > 2 * MAX_CERTIFICATE_BYTES) throw new RangeError('certificate has no proper length');
    table[name] = toDer(auxblob.slice(offset, offset + length));
  }
  return table;
}

const DASH = 0x2d;

/** Hosts store what their operator gave them, which may be PEM. */
function toDer(certificate: Uint8Array): Uint8Array {
  if (certificate[0] !== DASH) return certificate;
  const [der, ...more] = decodePemChain(decodeUtf8(certificate) ?? '');
  if (der === undefined || more.length > 0) throw new RangeError('certificate table holds PEM of not one certificate');
  return der;
}
