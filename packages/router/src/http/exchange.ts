import type { SecurityTier } from '@sotto/protocol';
import type { RequestNotes } from './request-notes.ts';

/** Header fields, names in lower case; a field sent twice is joined as RFC 9110 §5.2 says. */
export type HeaderFields = Readonly<Record<string, string>>;

/** The protocol that a request was sealed under, or null for one that came in clear. */
export type SealedBy = 'nomyo-v1' | 'ohttp' | 'ehbp' | null;

/** The request half of an exchange. */
export interface ExchangeRequest {
  /** Upper case. */
  readonly method: string;
  /** Origin form without the query: `/v1/models/org/name`. */
  readonly path: string;
  /** What follows `?`, or the empty string. Never logged: people put keys there. */
  readonly query: string;
  readonly headers: HeaderFields;
  readonly sealedBy: SealedBy;
  /**
   * The tier that the sealed layer already settled and authenticated; it outranks the header field. Null where the
   * layer says nothing.
   */
  readonly sealedTier: SecurityTier | null;
  /** Bytes of the body that was read, as they came; absent before it, and where nobody counts. */
  readonly bytesRead?: number | undefined;
  /**
   * Reads the whole body, once.
   * @throws PayloadTooLargeError `payload_too_large` before more than `maxBytes` are held
   */
  body(maxBytes: number): Promise<Uint8Array>;
}

/**
 * Where an answer goes, chunk by chunk: a socket, a sealing door, a test's list. `head` comes once and first; then
 * `write` any number of times; then exactly one of `end` and `abort`. Calls after the peer has gone are ignored.
 */
export interface ResponseSink {
  /** The status of the head that was sent; absent before it, and where nobody counts. */
  readonly status?: number | undefined;
  /** Bytes of the answer's body so far; absent where nobody counts. */
  readonly bytesWritten?: number;
  /** Adds fields to whatever head comes; the head's own fields win. */
  preset(headers: HeaderFields): void;
  head(status: number, headers: HeaderFields): void;
  /** @returns false when the reader is slow: wait for {@link ResponseSink.onDrain} before writing more */
  write(chunk: Uint8Array): boolean;
  end(): void;
  /** Sends a whole answer with its length: `head`, `write` and `end` in one, where that can be had for less. */
  whole?(status: number, headers: HeaderFields, body: Uint8Array): void;
  /** Ends the answer so that the reader can tell it is not whole. */
  abort(): void;
  /** Calls `listener` each time a full buffer has emptied. One listener; a later one replaces it. */
  onDrain(listener: () => void): void;
  /** Calls `listener` once if the reader goes away before the end, at once if it has. Listeners add up. */
  onClose(listener: () => void): void;
}

/** One request and the place for its answer. Every route is written against this and nothing else. */
export interface Exchange {
  /** Names the request in logs and in `X-Request-Id`. */
  readonly id: string;
  readonly request: ExchangeRequest;
  readonly sink: ResponseSink;
  /** The path of the route that took it, as the route is declared: set by the route table. */
  route?: string;
  /** What is learned of it on its way; absent where nobody wants to know. */
  notes?: RequestNotes;
}

/** Answers an exchange. Rejects only with what the caller turns into an error answer. */
export type Handler = (exchange: Exchange) => Promise<void> | void;
