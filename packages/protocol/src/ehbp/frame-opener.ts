import { apiError } from '../api-error.ts';
import { andThen, translateErrors } from '../awaitable.ts';
import { ByteQueue } from '../byte-queue.ts';
import type { Awaitable } from '../crypto-provider.ts';
import { ConfigurationError } from '../errors.ts';
import { TAG_BYTES } from '../hpke/suite.ts';
import {
  chunkTooLarge,
  decryptionFailed,
  type MessageKind,
  malformedMessage,
  truncatedMessage,
} from '../message-errors.ts';
import type { ChunkOpeningKey } from '../ohttp/chunk-opener.ts';
import { MAX_FRAME_BYTES } from './constants.ts';

const EMPTY = new Uint8Array(0);
const LENGTH_BYTES = 4; // EHBP §4.3

/** What a receiver takes. */
export interface FrameOpenerOptions {
  /** The longest sealed frame, {@link MAX_FRAME_BYTES} by default. */
  readonly maxFrameBytes?: number;
}

/**
 * Opens a body in frames (EHBP §4.3) as its bytes come, split anywhere. With a provider that answers synchronously
 * `push` has called back when it returns; otherwise wait for each call before the next.
 *
 * Frames cannot be changed, reordered, dropped from the middle or repeated unnoticed; those at the end can be dropped.
 */
export class FrameOpener {
  readonly #kind: MessageKind;
  readonly #key: ChunkOpeningKey;
  readonly #onFrame: (plaintext: Uint8Array) => void;
  readonly #maxFrameBytes: number;
  readonly #queue = new ByteQueue();
  /** Sealed bytes of the frame that is awaited, or null where its length is. */
  #frameLength: number | null = null;
  #frames = 0;
  #state: 'open' | 'pending' | 'ended' = 'open';

  constructor(
    kind: MessageKind,
    key: ChunkOpeningKey,
    onFrame: (plaintext: Uint8Array) => void,
    options: FrameOpenerOptions = {},
  ) {
    this.#kind = kind;
    this.#key = key;
    this.#onFrame = onFrame;
    this.#maxFrameBytes = options.maxFrameBytes ?? MAX_FRAME_BYTES;
  }

  /** Whether a frame has been authenticated: until then whatever came may be anybody's. */
  get authenticated(): boolean {
    return this.#frames > 0;
  }

  /**
   * Takes the next bytes of the body; they must not be written to afterwards.
   * @throws for requests APIError `key_config_mismatch` where the first frame does not open (a stale key shows itself
   *   in no other way), InvalidRequestError `decryption_failed`, `chunk_too_large`, `invalid_message`; for responses
   *   SecurityError `decryption_failed`, `chunk_too_large`, `invalid_response`
   */
  push(bytes: Uint8Array): Awaitable<void> {
    this.#checkUsable();
    this.#queue.push(bytes);
    const drained = translateErrors(
      () => this.#drain(),
      (error) => {
        this.#state = 'ended';
        return error instanceof Error ? error : decryptionFailed(this.#kind);
      },
    );
    if (!(drained instanceof Promise)) return undefined;
    this.#state = 'pending';
    return drained.then(() => {
      this.#state = 'open';
    });
  }

  /** Ends the body. @throws InvalidRequestError `request_truncated`, or SecurityError `response_truncated` */
  finish(): void {
    this.#checkUsable();
    this.#state = 'ended';
    if (this.#frameLength !== null || this.#queue.length > 0) throw truncatedMessage(this.#kind);
  }

  #drain(): Awaitable<void> {
    for (;;) {
      if (this.#frameLength === null && !this.#readLength()) return undefined;
      if (this.#frameLength === null || this.#queue.length < this.#frameLength) return undefined;
      const opened = this.#open(this.#queue.take(this.#frameLength));
      this.#frameLength = null;
      if (opened instanceof Promise) return opened.then(() => this.#drain());
    }
  }

  /** Skips empty frames (EHBP §4.3). @returns false where more bytes are needed */
  #readLength(): boolean {
    while (this.#queue.length >= LENGTH_BYTES) {
      const bytes = this.#queue.take(LENGTH_BYTES);
      const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
      if (length === 0) continue;
      // Before a byte of the frame is kept.
      if (length > this.#maxFrameBytes) throw chunkTooLarge(this.#kind, this.#maxFrameBytes - TAG_BYTES);
      if (length < TAG_BYTES) throw malformedMessage(this.#kind, 'has a frame shorter than its tag');
      this.#frameLength = length;
      return true;
    }
    return false;
  }

  #open(sealed: Uint8Array): Awaitable<void> {
    const opened = translateErrors(
      () => this.#key.open(sealed, EMPTY),
      () => this.#failure(),
    );
    return andThen(opened, (plaintext) => {
      this.#frames++;
      if (plaintext.length > 0) this.#onFrame(plaintext);
    });
  }

  #failure(): Error {
    return this.#kind === 'request' && this.#frames === 0 ? staleKey() : decryptionFailed(this.#kind);
  }

  #checkUsable(): void {
    if (this.#state === 'open') return;
    throw this.#state === 'pending'
      ? new ConfigurationError('wait for the call before this one', { code: 'invalid_option' })
      : new ConfigurationError('the body has ended or failed: make an opener for each body', {
          code: 'message_finished',
        });
  }
}

/** The request does not open under the router's key: most likely the client has an older one (EHBP §5.4.2). */
export function staleKey(): Error {
  return apiError('key_config_mismatch', 'the request is not sealed to the key in use: fetch the key again');
}
