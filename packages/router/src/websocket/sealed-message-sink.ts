import { apiError } from '@sotto/protocol';
import { OHTTP_CHUNKED_RESPONSE_MEDIA_TYPE } from '@sotto/protocol/ohttp';
import type { HeaderFields } from '../http/exchange.ts';
import { readJsonObject } from '../http/json-object.ts';
import { ConnectionSink, errorMessage } from './connection-sink.ts';

/** The gateway's answer to a request sealed under a key that is not in use (protocol-ohttp §6). */
const KEY_PROBLEM_STATUS = 422;

/** Makes messages of a sealed answer: its bytes in base64, in pieces cut anywhere, and a last one that says so. */
export class SealedMessageSink extends ConnectionSink {
  readonly #pieces: Uint8Array[] = [];
  #status = 0;
  #isSealed = false;

  protected begin(status: number, headers: HeaderFields): void {
    this.#status = status;
    this.#isSealed = status === 200 && headers['content-type'] === OHTTP_CHUNKED_RESPONSE_MEDIA_TYPE;
  }

  protected take(chunk: Uint8Array): void {
    if (!this.#isSealed) this.#pieces.push(chunk);
    else if (chunk.length > 0) this.options.outbox.send(JSON.stringify(this.#message({ chunk: base64(chunk) })));
  }

  protected complete(): void {
    this.finish(this.#isSealed ? this.#message({ done: true }) : this.#refusal());
  }

  protected breakOff(): void {
    const error = apiError('upstream_failed', 'the answer broke off before its end');
    this.finish(errorMessage(error, this.options.requestId));
  }

  #message(member: { readonly chunk: string } | { readonly done: true }): Record<string, unknown> {
    return { type: 'sealed', request_id: this.options.requestId, ...member };
  }

  /** The error of an answer in clear. The gateway's own problems have no `error` member: they get one here. */
  #refusal(): Record<string, unknown> {
    const body = readJsonObject(Buffer.concat(this.#pieces));
    if (body?.['error'] !== undefined) return { error: body['error'], request_id: this.options.requestId };
    const error =
      this.#status === KEY_PROBLEM_STATUS
        ? apiError('unknown_key_id', 'the key is not in use: fetch the keys again')
        : apiError('decryption_failed', 'the request could not be opened');
    return errorMessage(error, this.options.requestId);
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
