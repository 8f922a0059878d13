import {
  type BinaryRequest,
  type BinaryResponse,
  type Field,
  RequestDecoder,
  ResponseDecoder,
} from '../../src/bhttp/index.ts';
import { concatBytes } from '../../src/bytes.ts';

/** Decodes a message that comes in pieces of `size` bytes. */
export function decodeInPieces(
  kind: 'request' | 'response',
  encoded: Uint8Array,
  size: number,
): BinaryRequest | BinaryResponse {
  const content: Uint8Array[] = [];
  const informational: unknown[] = [];
  let head: object = {};
  let trailers: readonly Field[] = [];
  const handler = {
    onHead(value: object) {
      head = value;
    },
    onInformational(value: unknown) {
      informational.push(value);
    },
    onContent(piece: Uint8Array) {
      content.push(piece);
    },
    onTrailers(value: readonly Field[]) {
      trailers = value;
    },
  };
  const decoder = kind === 'request' ? new RequestDecoder(handler) : new ResponseDecoder(handler);
  for (let offset = 0; offset < encoded.length; offset += size) decoder.push(encoded.slice(offset, offset + size));
  decoder.finish();
  return { ...head, ...(kind === 'response' ? { informational } : {}), content: concatBytes(...content), trailers } as
    | BinaryRequest
    | BinaryResponse;
}
