import { encodeRequestHead, type Field } from '@sotto/protocol/bhttp';

/** Content that is not there all at once. */
export interface StreamedContent {
  /** Starts to read it. */
  open(): AsyncIterable<Uint8Array>;
  /** Whether it can be opened again, so that the request can be sealed and sent a second time. */
  readonly repeatable: boolean;
}

/** A request as the router will see it: all of this travels inside the ciphertext. */
export interface InnerRequest {
  readonly method: string;
  /** Path and query in origin form, as the router's own routes have it. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: readonly Field[];
  /** Null for a request without content. */
  readonly content: Uint8Array | StreamedContent | null;
}

/** Fields that are about a connection, of which an inner request has none, or that are written here. */
const DROPPED = new Set([
  'connection', // RFC 9110 §7.6.1, with the six after it
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect', // RFC 9458 §5.1
  'host', // RFC 9292 §3.4: the authority stands for it
  'proxy-authorization',
  // The answer is opened here and by nobody before: compressing it would only tell its content by its length.
  'accept-encoding',
  'content-length',
  'date',
]);

/**
 * The start of the request's binary form (RFC 9292 §3.2), with the time that the router checks against replays
 * (RFC 9458 §6.5.1).
 * @param origin of the router: its scheme and authority go inside
 * @throws ConfigurationError `invalid_option` for a method, path or field that HTTP does not allow
 */
export function encodeInnerHead(request: InnerRequest, origin: URL, nowMs: number): Uint8Array {
  const { method, path, content } = request;
  const ofConnection = connectionOptions(request.headers);
  const headers: Field[] = [['date', new Date(nowMs).toUTCString()]]; // RFC 9110 §5.6.7: IMF-fixdate
  for (const [name, value] of request.headers) {
    if (!DROPPED.has(name) && !ofConnection.has(name)) headers.push([name, value]);
  }
  if (content instanceof Uint8Array) headers.push(['content-length', String(content.length)]);
  return encodeRequestHead({ method, scheme: origin.protocol.slice(0, -1), authority: origin.host, path, headers });
}

/** Fields that `Connection` names are about the connection too (RFC 9110 §7.6.1). */
function connectionOptions(headers: readonly Field[]): ReadonlySet<string> {
  for (const [name, value] of headers) {
    if (name === 'connection')
      return new Set(
        value
          .toLowerCase()
          .split(',')
          .map((option) => option.trim()),
      );
  }
  return NONE;
}

const NONE: ReadonlySet<string> = new Set();
