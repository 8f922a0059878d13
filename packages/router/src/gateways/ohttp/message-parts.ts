import { apiError } from '@sotto/protocol';
import { RequestDecoder, type RequestHead } from '@sotto/protocol/bhttp';

/** Chunks, and pieces of content, that any message may come in. */
const MIN_PARTS = 16_384;
/** Longer messages may have more: an eighth of a full chunk each, on average. */
const BYTES_A_PART = 2_048;

/**
 * The Binary HTTP message inside a request, as its chunks come. Each chunk and each piece of content costs
 * microseconds and hundreds of bytes, however short it is, and anybody can send them: their number is bounded.
 */
export class MessageParts {
  readonly content: Uint8Array[] = [];
  readonly #maxParts: number;
  readonly #decoder: RequestDecoder;
  #chunks = 0;
  #head: RequestHead | null = null;

  constructor(maxBodyBytes: number) {
    this.#maxParts = Math.max(MIN_PARTS, maxBodyBytes / BYTES_A_PART);
    const handler = {
      onHead: (head: RequestHead) => {
        this.#head = head;
      },
      onContent: (piece: Uint8Array) => {
        if (this.content.length >= this.#maxParts) throw tooManyParts();
        this.content.push(piece);
      },
      onTrailers: () => {},
    };
    this.#decoder = new RequestDecoder(handler, { contentBytes: maxBodyBytes });
  }

  /** @throws InvalidRequestError `invalid_message`, APIError `headers_too_large`, PayloadTooLargeError `payload_too_large` */
  push(chunk: Uint8Array): void {
    this.#chunks++;
    if (this.#chunks > this.#maxParts) throw tooManyParts();
    this.#decoder.push(chunk);
  }

  /** @throws InvalidRequestError `request_truncated` */
  finish(): RequestHead {
    this.#decoder.finish();
    if (this.#head === null) throw apiError('invalid_message', 'the encapsulated request has no head');
    return this.#head;
  }
}

function tooManyParts(): Error {
  return apiError('invalid_message', 'the encapsulated request comes in too many pieces: send longer ones');
}
