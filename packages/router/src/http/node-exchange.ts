import type { IncomingMessage, ServerResponse } from 'node:http';
import { apiError } from '@sotto/protocol';
import type { Exchange, ExchangeRequest, HeaderFields, ResponseSink } from './exchange.ts';
import { newRequestId } from './request-id.ts';

/** Makes an exchange of what `node:http` hands over. */
export function nodeExchange(message: IncomingMessage, response: ServerResponse): Exchange {
  const id = newRequestId();
  return { id, request: new NodeRequest(message), sink: new NodeSink(message, response) };
}

class NodeRequest implements ExchangeRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly sealedBy = null;
  readonly sealedTier = null;
  bytesRead: number | undefined;
  readonly #message: IncomingMessage;

  constructor(message: IncomingMessage) {
    this.#message = message;
    this.method = message.method ?? 'GET';
    const target = message.url ?? '/';
    const mark = target.indexOf('?');
    this.path = mark < 0 ? target : target.slice(0, mark);
    this.query = mark < 0 ? '' : target.slice(mark + 1);
  }

  get headers(): HeaderFields {
    // node:http joins every repeated field but set-cookie, which is a response's field.
    return this.#message.headers as HeaderFields;
  }

  async body(maxBytes: number): Promise<Uint8Array> {
    const bytes = await readBody(this.#message, maxBytes);
    this.bytesRead = bytes.length;
    return bytes;
  }
}

function readBody(message: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const declared = Number(message.headers['content-length'] ?? 0);
  if (declared > maxBytes) return Promise.reject(tooLarge(maxBytes));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    message.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) {
        message.pause();
        message.removeAllListeners('data');
        reject(tooLarge(maxBytes));
        return;
      }
      chunks.push(chunk);
    });
    message.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length)));
    // Also after every good body: an error is made only where it is one. A socket's own error comes before it, and says
    // no more; without a listener the platform keeps it to itself.
    message.on('close', () => {
      if (!message.readableEnded) reject(apiError('invalid_request', 'the request body broke off'));
    });
  });
}

/** Longest unread body that the server takes in and throws away to keep the connection. */
const SHORT_BODY_BYTES = 1024 * 1024;
const LINGER_MS = 2_000;
/** Copying a longer body costs more than the second buffer. */
const MAX_JOINED_BYTES = 32_768;

function mayBeLong(message: IncomingMessage): boolean {
  const declared = message.headers['content-length'];
  if (declared !== undefined) return Number(declared) > SHORT_BODY_BYTES;
  return message.headers['transfer-encoding'] !== undefined;
}

function tooLarge(maxBytes: number): Error {
  return apiError('payload_too_large', `a request body has at most ${maxBytes} bytes here`);
}

class NodeSink implements ResponseSink {
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  /** The head's fields, gathered in one object: to copy them for each feature costs more than what is in them. */
  readonly #fields: Record<string, string> = {};
  status: number | undefined;
  bytesWritten = 0;
  #drain: (() => void) | null = null;
  #closed = false;
  #lingers = false;
  readonly #closeListeners: (() => void)[] = [];

  constructor(message: IncomingMessage, response: ServerResponse) {
    this.#message = message;
    this.#response = response;
    response.on('close', () => this.#close());
    // Without a listener a reset socket would be an uncaught error.
    response.on('error', () => this.#close());
  }

  preset(headers: HeaderFields): void {
    Object.assign(this.#fields, headers);
  }

  head(status: number, headers: HeaderFields): void {
    const response = this.#response;
    if (response.headersSent || response.destroyed) return;
    this.#lingers = !this.#message.complete && mayBeLong(this.#message);
    Object.assign(this.#fields, headers);
    if (this.#lingers) this.#fields['connection'] = 'close';
    this.status = status;
    response.writeHead(status, this.#fields);
  }

  write(chunk: Uint8Array): boolean {
    this.bytesWritten += chunk.length;
    return this.#response.destroyed || this.#response.write(chunk);
  }

  whole(status: number, headers: HeaderFields, body: Uint8Array): void {
    const response = this.#response;
    this.#fields['content-length'] = String(body.length);
    this.head(status, headers);
    if (this.#lingers || response.destroyed || body.length > MAX_JOINED_BYTES) {
      this.write(body);
      this.end();
      return;
    }
    // As text of one byte a character it leaves with the head in one plain write; two buffers would need a gathering one.
    const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
    this.bytesWritten += body.length;
    response.end(text, 'latin1');
  }

  end(): void {
    if (this.#response.destroyed) return;
    if (this.#lingers) this.#endAfterUpload();
    else this.#response.end();
  }

  /**
   * Closing while the client still sends would reset the connection, and the answer with it: take in and throw
   * away what comes for a while, then close.
   */
  #endAfterUpload(): void {
    const end = (): void => void this.#response.end();
    const timer = setTimeout(end, LINGER_MS);
    this.#response.on('close', () => clearTimeout(timer));
    this.#message.on('end', end);
    this.#message.on('error', end);
    this.#message.resume();
  }

  abort(): void {
    // What was written still goes out; the missing end of the chunked body tells the reader.
    const { socket } = this.#response;
    if (socket === null) this.#response.destroy();
    else socket.destroySoon();
  }

  onDrain(listener: () => void): void {
    if (this.#drain === null) this.#response.on('drain', () => this.#drain?.());
    this.#drain = listener;
  }

  onClose(listener: () => void): void {
    if (this.#closed) listener();
    else this.#closeListeners.push(listener);
  }

  #close(): void {
    if (this.#closed || this.#response.writableFinished) return;
    this.#closed = true;
    for (const listener of this.#closeListeners) listener();
  }
}
