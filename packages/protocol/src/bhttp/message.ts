/** A field line: the name in lower case, the value as a string of bytes (each character one byte, U+0000 to U+00FF). */
export type Field = readonly [name: string, value: string];

/** Request control data and header section (RFC 9292 §3.4). */
export interface RequestHead {
  /** A token, such as `POST`. */
  readonly method: string;
  /** Such as `https`; empty with CONNECT. */
  readonly scheme: string;
  /** Host and port, or empty. */
  readonly authority: string;
  /** Path and query, such as `/v1/models?limit=1`; empty with CONNECT. */
  readonly path: string;
  readonly headers: readonly Field[];
}

/** Response control data and header section (RFC 9292 §3.5). */
export interface ResponseHead {
  /** 200 to 599; 100 to 199 in an informational response. */
  readonly status: number;
  readonly headers: readonly Field[];
}

/** What follows a head. */
export interface MessageBody {
  readonly content: Uint8Array;
  readonly trailers: readonly Field[];
}

/** A whole request. */
export interface BinaryRequest extends RequestHead, MessageBody {}

/** A whole response. */
export interface BinaryResponse extends ResponseHead, MessageBody {
  /** The responses with status 1xx that came before (RFC 9292 §3.5.1). */
  readonly informational: readonly ResponseHead[];
}

/** The four framing indicators (RFC 9292 §3.3). */
export const FRAMING = {
  knownLengthRequest: 0,
  knownLengthResponse: 1,
  indeterminateLengthRequest: 2,
  indeterminateLengthResponse: 3,
} as const;
