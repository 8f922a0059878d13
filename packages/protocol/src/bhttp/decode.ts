import { concatBytes } from '../bytes.ts';
import { RequestDecoder, ResponseDecoder } from './decoder.ts';
import type { BhttpLimits } from './limits.ts';
import type { BinaryRequest, BinaryResponse, Field, RequestHead, ResponseHead } from './message.ts';

/** Gathers the parts of one message. */
class Collector<Head> {
  head: Head | null = null;
  trailers: readonly Field[] = [];
  readonly informational: ResponseHead[] = [];
  readonly #content: Uint8Array[] = [];

  readonly onHead = (head: Head): void => {
    this.head = head;
  };
  readonly onInformational = (head: ResponseHead): void => {
    this.informational.push(head);
  };
  readonly onContent = (content: Uint8Array): void => {
    this.#content.push(content);
  };
  readonly onTrailers = (trailers: readonly Field[]): void => {
    this.trailers = trailers;
  };

  get content(): Uint8Array {
    return concatBytes(...this.#content);
  }
}

/**
 * Decodes a whole request, of either form.
 * @throws what {@link RequestDecoder} throws
 */
export function decodeRequest(bytes: Uint8Array, limits: Partial<BhttpLimits> = {}): BinaryRequest {
  const parts = new Collector<RequestHead>();
  const decoder = new RequestDecoder(parts, limits);
  decoder.push(bytes);
  decoder.finish();
  return { ...present(parts.head), content: parts.content, trailers: parts.trailers };
}

/** Decodes a whole response, of either form. @throws what {@link ResponseDecoder} throws */
export function decodeResponse(bytes: Uint8Array, limits: Partial<BhttpLimits> = {}): BinaryResponse {
  const parts = new Collector<ResponseHead>();
  const decoder = new ResponseDecoder(parts, limits);
  decoder.push(bytes);
  decoder.finish();
  const { informational, content, trailers } = parts;
  return { ...present(parts.head), informational, content, trailers };
}

/** A decoder that has finished has called `onHead`. */
function present<Head>(head: Head | null): Head {
  if (head === null) throw new TypeError('a decoder finished without a head');
  return head;
}
