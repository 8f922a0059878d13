import { ByteQueue } from '../byte-queue.ts';
import { ConfigurationError } from '../errors.ts';
import { contentTooLarge, type MessageKind, malformedMessage, truncatedMessage } from '../message-errors.ts';
import { FieldSectionDecoder, HeaderBudget } from './field-section-decoder.ts';
import { type HeadDecoder, RequestHeadDecoder, ResponseHeadDecoder } from './head-decoder.ts';
import { type BhttpLimits, DEFAULT_BHTTP_LIMITS } from './limits.ts';
import { type Field, FRAMING, type RequestHead, type ResponseHead } from './message.ts';

/** What a decoder calls as the parts of a message come, in this order; each but `onContent` at most once. */
export interface MessageHandler<Head> {
  /** Control data and headers. */
  onHead(head: Head): void;
  /** A piece of content, never empty: a view of what was pushed. */
  onContent(content: Uint8Array): void;
  /** The trailers, when the content is complete; called for every message, even without trailers. */
  onTrailers(trailers: readonly Field[]): void;
}

/** The same, with the informational responses that may come before the final one. */
export interface ResponseHandler extends MessageHandler<ResponseHead> {
  onInformational?(head: ResponseHead): void;
}

type State = 'framing' | 'head' | 'content-length' | 'content' | 'trailers' | 'padding' | 'finished' | 'failed';

/**
 * Decodes a Binary HTTP message (RFC 9292) as its bytes come, in either form, split anywhere.
 *
 * Nothing that is called back is authenticated by this class, and nothing is complete before `finish` has returned.
 */
class MessageDecoder<Head> {
  readonly #kind: MessageKind;
  readonly #handler: MessageHandler<Head>;
  readonly #makeHead: (knownLength: boolean) => HeadDecoder<Head>;
  readonly #limits: BhttpLimits;
  readonly #queue = new ByteQueue();
  #state: State = 'framing';
  #knownLength = true;
  #head: HeadDecoder<Head> | null = null;
  #trailers: FieldSectionDecoder | null = null;
  /** Bytes of content that the length read last still announces. */
  #contentLeft = 0;
  #contentBytes = 0;

  constructor(
    kind: MessageKind,
    handler: MessageHandler<Head>,
    makeHead: (knownLength: boolean) => HeadDecoder<Head>,
    limits: BhttpLimits,
  ) {
    this.#kind = kind;
    this.#handler = handler;
    this.#makeHead = makeHead;
    this.#limits = limits;
  }

  /**
   * Takes the next bytes and calls back with what they complete. The bytes must not be written to afterwards.
   * @throws for requests InvalidRequestError `invalid_message`, APIError `headers_too_large`, PayloadTooLargeError
   *   `payload_too_large`; for responses SecurityError `invalid_response`
   */
  push(bytes: Uint8Array): void {
    if (this.#state === 'finished' || this.#state === 'failed') throw messageFinished();
    this.#queue.push(bytes);
    this.#run(() => {
      while (this.#step());
    });
  }

  /**
   * Ends the message. A message may end before its headers, its content or its trailers where all that would follow
   * is empty (RFC 9292 §3.8), and nowhere else.
   * @throws for requests InvalidRequestError `request_truncated`, for responses SecurityError `response_truncated`
   */
  finish(): void {
    if (this.#state === 'finished' || this.#state === 'failed') throw messageFinished();
    this.#run(() => {
      if (this.#queue.length > 0 || !this.#mayEnd()) throw truncatedMessage(this.#kind);
      if (this.#state === 'head' && this.#head !== null) this.#handler.onHead(this.#head.ended());
      if (this.#state !== 'padding') this.#handler.onTrailers([]);
      this.#state = 'finished';
    });
  }

  #run(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#state = 'failed';
      throw error;
    }
  }

  #mayEnd(): boolean {
    switch (this.#state) {
      case 'head':
        return this.#head?.mayEnd ?? false;
      case 'content-length':
        // Between two pieces of content of the indeterminate form the terminator is missing.
        return this.#contentBytes === 0;
      case 'trailers':
        return this.#trailers?.untouched ?? false;
      default:
        return this.#state === 'padding';
    }
  }

  /** @returns false where more bytes are needed */
  #step(): boolean {
    switch (this.#state) {
      case 'framing':
        return this.#readFraming();
      case 'head':
        return this.#readHead();
      case 'content-length':
        return this.#readContentLength();
      case 'content':
        return this.#readContent();
      case 'trailers':
        return this.#readTrailers();
      default:
        return this.#readPadding();
    }
  }

  #readFraming(): boolean {
    const framing = this.#queue.takeVarint();
    if (framing === null) return false;
    const known = this.#kind === 'request' ? FRAMING.knownLengthRequest : FRAMING.knownLengthResponse;
    const indeterminate =
      this.#kind === 'request' ? FRAMING.indeterminateLengthRequest : FRAMING.indeterminateLengthResponse;
    if (framing !== known && framing !== indeterminate) {
      throw malformedMessage(this.#kind, `is not the binary form of a ${this.#kind}`); // RFC 9292 §3.3
    }
    this.#knownLength = framing === known;
    this.#head = this.#makeHead(this.#knownLength);
    this.#state = 'head';
    return true;
  }

  #readHead(): boolean {
    const head = this.#head?.read(this.#queue) ?? null;
    if (head === null) return false;
    this.#state = 'content-length';
    this.#handler.onHead(head);
    return true;
  }

  #readContentLength(): boolean {
    const length = this.#queue.takeVarint();
    if (length === null) return false;
    this.#contentBytes += length;
    if (this.#contentBytes > this.#limits.contentBytes) throw contentTooLarge(this.#kind, this.#limits.contentBytes);
    this.#contentLeft = length;
    this.#state = length === 0 ? 'trailers' : 'content';
    return true;
  }

  #readContent(): boolean {
    if (this.#queue.length === 0) return false;
    const content = this.#queue.takeSome(this.#contentLeft);
    this.#contentLeft -= content.length;
    if (this.#contentLeft === 0) this.#state = this.#knownLength ? 'trailers' : 'content-length';
    this.#handler.onContent(content);
    return true;
  }

  #readTrailers(): boolean {
    this.#trailers ??= new FieldSectionDecoder(
      this.#kind,
      'trailer',
      this.#knownLength,
      this.#limits,
      new HeaderBudget(this.#kind, this.#limits.headerBytes),
    );
    const trailers = this.#trailers.read(this.#queue);
    if (trailers === null) return false;
    this.#state = 'padding';
    this.#handler.onTrailers(trailers);
    return true;
  }

  #readPadding(): boolean {
    if (this.#queue.length === 0) return false;
    for (const byte of this.#queue.takeSome(this.#queue.length)) {
      // RFC 9292 §3.8: padding that is not zero makes the message invalid.
      if (byte !== 0) throw malformedMessage(this.#kind, 'goes on after its end');
    }
    return true;
  }
}

/**
 * Decodes a request.
 *
 * @example
 * ```ts
 * const decoder = new RequestDecoder({ onHead: route, onContent: (bytes) => body.push(bytes), onTrailers: () => {} });
 * decoder.push(plaintext);
 * decoder.finish();
 * ```
 */
export class RequestDecoder extends MessageDecoder<RequestHead> {
  constructor(handler: MessageHandler<RequestHead>, limits: Partial<BhttpLimits> = {}) {
    const all = { ...DEFAULT_BHTTP_LIMITS, ...limits };
    super('request', handler, (knownLength) => new RequestHeadDecoder(knownLength, all), all);
  }
}

/** Decodes a response. */
export class ResponseDecoder extends MessageDecoder<ResponseHead> {
  constructor(handler: ResponseHandler, limits: Partial<BhttpLimits> = {}) {
    const all = { ...DEFAULT_BHTTP_LIMITS, ...limits };
    const onInformational = (head: ResponseHead) => handler.onInformational?.(head);
    super('response', handler, (knownLength) => new ResponseHeadDecoder(knownLength, all, onInformational), all);
  }
}

function messageFinished(): ConfigurationError {
  return new ConfigurationError('the decoder has finished or failed: make one for each message', {
    code: 'message_finished',
  });
}
