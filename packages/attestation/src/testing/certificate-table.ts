import { concatBytes } from '@sotto/protocol';
import { decodeHex } from '../hex.ts';

/** GUIDs of the certificates that a host gives along with a report of SEV-SNP. */
export const CERTIFICATE_GUIDS = {
  vcek: '63da758de6644564adc5f4b93be8accd',
  vlek: 'a8074bc2a25a483eaae639c045a0b8a1',
  ask: '4ab7b379bbac4fe4a02f05aef327c782',
  ark: 'c0b406a4a803495297433fb6014cd0ae',
} as const;

/** Writes the certificate table of a host: GUIDs, hexadecimal, and what they are of. */
export function writeCertificateTable(entries: readonly (readonly [guid: string, value: Uint8Array])[]): Uint8Array {
  let offset = (entries.length + 1) * 24;
  const heads = entries.map(([guid, { length }]) => {
    const head = new Uint8Array(24);
    head.set(decodeHex(guid) ?? new Uint8Array());
    const view = new DataView(head.buffer);
    view.setUint32(16, offset, true);
    view.setUint32(20, length, true);
    offset += length;
    return head;
  });
  return concatBytes(...heads, new Uint8Array(24), ...entries.map(([, value]) => value));
}
