import { ByteReader } from '../byte-reader.ts';
import { MAX_QUOTE_BYTES } from '../tdx/quote.ts';
import { TD_REPORT_BYTES } from '../tdx/td-report.ts';
import { parsing } from '../verification-error.ts';

const HEADER_BYTES = 48; // Intel TDX DCAP Quoting Library API §A.3.1

/**
 * Cuts a quote to the length its header declares: some hosts hand out their whole buffer, zeros and all.
 * @throws AttestationError `evidence_malformed`, also where something else than zeros follows
 */
export function trimTdxQuote(bytes: Uint8Array, step: string): Uint8Array {
  return parsing(step, 'evidence_malformed', 'the TDX quote', () => {
    const reader = new ByteReader(bytes);
    const version = new ByteReader(reader.take(HEADER_BYTES)).uint16();
    reader.take(version === 4 ? TD_REPORT_BYTES['1.0'] : bodyBytes(reader));
    reader.take(reader.uint32());
    const length = reader.offset;
    reader.reserved(bytes.length - length);
    if (length > MAX_QUOTE_BYTES) throw new RangeError('quote is too long');
    return bytes.slice(0, length);
  });
}

/** Version 5 says how long its body is (§A.3.3): type, 2 bytes, and length, 4 bytes. */
function bodyBytes(reader: ByteReader): number {
  reader.uint16();
  return reader.uint32();
}
