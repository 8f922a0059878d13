import { APIConnectionError, SecurityError } from '@sotto/protocol';

/** What is sent to a router. */
export interface TransportRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  /** Header fields, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Streamed only where the transport says that it can. */
  readonly body: string | Uint8Array | AsyncIterable<Uint8Array> | null;
  /** Ends the exchange at any stage, the reading of the answer's body too. */
  readonly signal: AbortSignal;
}

/**
 * An answer's body, read once. Iterating throws {@link APIConnectionError} where the connection breaks; leaving
 * the iteration early cancels.
 */
export interface ResponseBody extends AsyncIterable<Uint8Array> {
  /** Gives up a body that nobody iterates, and frees its connection. */
  cancel(): Promise<void>;
}

/** An answer whose head has arrived. Its body must be read to the end or cancelled. */
export interface TransportResponse {
  readonly status: number;
  /** Header fields, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ResponseBody;
}

/**
 * Carries bytes to a router and back. An implementation follows no redirect (it hands the 3xx on), stores no
 * cookie and adds no credential.
 */
export interface Transport {
  /** Whether a request's body may be streamed. Default: only what is there can be sent. */
  readonly streamsUploads?: boolean;
  /** @throws APIConnectionError `connection_failed` where no answer came */
  send(request: TransportRequest): Promise<TransportResponse>;
}

/**
 * Reads a body of at most `maxBytes`, and gives it up at the first byte more.
 * @throws SecurityError `invalid_response` for a longer one
 */
export async function readAll(body: ResponseBody, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) {
      throw new SecurityError(`the router answered with more than ${maxBytes} bytes`, { code: 'invalid_response' });
    }
    chunks.push(chunk);
  }
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

/** The error of a connection that was refused, reset or cut. */
export function connectionFailed(cause: unknown): APIConnectionError {
  const message = 'no answer came from the router: check its address, and that it is running';
  return new APIConnectionError(message, { code: 'connection_failed', cause });
}
