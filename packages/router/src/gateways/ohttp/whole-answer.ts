import { apiError } from '@sotto/protocol';
import { encodeResponse } from '@sotto/protocol/bhttp';
import { paddingFor } from '@sotto/protocol/ohttp';
import { sendError } from '../../http/answer.ts';
import { type CollectedAnswer, CollectingSink } from '../../http/collecting-sink.ts';

/**
 * Collects an answer that is to be sealed whole, up to a length: a stream may go on for ever. An answer that broke off
 * or is too long gives way to an error, for a whole message cannot be cut off half-way.
 */
export class WholeAnswer extends CollectingSink {
  #left: number;

  constructor(maxBytes: number) {
    super();
    this.#left = maxBytes;
  }

  override write(chunk: Uint8Array): boolean {
    this.#left -= chunk.length;
    if (this.#left < 0) this.close();
    return super.write(chunk);
  }

  /** @returns the answer's Binary HTTP message, padded to its class (protocol-ohttp §8) */
  async message(): Promise<Uint8Array> {
    const collected = await this.answer;
    if (collected.complete) return encode(collected);
    const failed = new CollectingSink();
    sendError(
      failed,
      this.#left < 0
        ? apiError('upstream_invalid_response', 'the answer is too long to be sent whole: ask for it in chunks')
        : apiError('upstream_failed', 'the answer broke off'),
    );
    return encode(await failed.answer);
  }
}

function encode({ status, headers, body }: CollectedAnswer): Uint8Array {
  const fields = Object.entries(headers);
  const response = { status, headers: fields, informational: [], content: body, trailers: [] };
  const paddingBytes = paddingFor(encodeResponse(response).length);
  return encodeResponse(response, { paddingBytes });
}
