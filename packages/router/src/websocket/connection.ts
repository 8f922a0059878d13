import { type APIError, apiError } from '@sotto/protocol';
import { OHTTP_CHUNKED_REQUEST_MEDIA_TYPE, OHTTP_GATEWAY_PATH } from '@sotto/protocol/ohttp';
import type { RawData, WebSocket } from 'ws';
import { asApiError } from '../http/answer.ts';
import type { Handler, HeaderFields } from '../http/exchange.ts';
import { type ClientMessage, parseMessage, readMessage, requestIdOf } from './client-message.ts';
import { type ConnectionSink, errorMessage, type SinkOptions } from './connection-sink.ts';
import type { ConnectionLimits } from './limits.ts';
import { messageExchange } from './message-exchange.ts';
import { MessageSink } from './message-sink.ts';
import { Outbox } from './outbox.ts';
import { keyFields } from './presented-key.ts';
import { SealedMessageSink } from './sealed-message-sink.ts';

/** Close codes (RFC 6455 §7.4.1). */
const CLOSE = { normal: 1000, goingAway: 1001, unsupportedData: 1003, policyViolation: 1008 } as const;
/** RFC 6455 §11.7, IANA registry: service restart. What was under way was not finished. */
const CLOSE_RESTART = 1012;
const SHUTTING_DOWN = 'the router is shutting down';
/** How long the other end may take to agree to a close. */
const CLOSE_TIMEOUT_MS = 2_000;

/** What a connection needs of the door it came in by. */
export interface ConnectionOptions {
  /** The route that its model requests are for. */
  readonly path: string;
  /** Header fields that every model request of it has beside the key. */
  readonly headers: HeaderFields;
  /** The key presented at the upgrade, as header fields; null where none was. */
  readonly credential: HeaderFields | null;
  /** Whether model requests may come in clear. */
  readonly clearIsOpen: boolean;
  /** The router's one handler. */
  readonly handle: Handler;
  /** @throws AuthenticationError `missing_api_key`, `invalid_api_key` and whatever else a key is refused with */
  readonly authenticate: (headers: HeaderFields) => void;
  readonly limits: ConnectionLimits;
}

/** One client's connection: reads its messages, and has each answered by the router's handler. */
export class Connection {
  readonly #socket: WebSocket;
  readonly #options: ConnectionOptions;
  readonly #outbox: Outbox;
  /** Requests not yet answered, by the client's own names of them. */
  readonly #underWay = new Map<string | null, ConnectionSink>();
  #credential: HeaderFields | null;
  #deadline: NodeJS.Timeout | null = null;
  #isAlive = true;
  #isDraining = false;
  #leavesUnfinished = false;
  #activeAt = performance.now();

  constructor(socket: WebSocket, options: ConnectionOptions) {
    const { limits } = options;
    this.#socket = socket;
    this.#options = options;
    this.#credential = options.credential;
    this.#outbox = new Outbox(socket, {
      highWaterBytes: limits.highWaterBytes,
      maxBytes: limits.maxQueuedBytes,
      stallMs: limits.stallMs,
      onProgress: () => this.hear(),
    });
    if (this.#credential === null) this.#deadline = setTimeout(() => this.#refuseSilence(), limits.authDeadlineMs);
    socket.on('message', (data, isBinary) => this.#read(data, isBinary));
    // The closing that follows every error says all there is to say of it.
    socket.on('error', () => {});
    socket.on('close', () => this.#end());
  }

  /** Whether nobody's key has been shown yet. */
  get isAnonymous(): boolean {
    return this.#credential === null;
  }

  /** Takes note that the other end is there. */
  hear(): void {
    this.#isAlive = true;
  }

  /** Asks the other end whether it is there, and cuts one that did not answer the last time or has had its time. */
  beat(): void {
    if (!this.#isAlive) {
      this.terminate();
      return;
    }
    const idleMs = performance.now() - this.#activeAt;
    if (this.#underWay.size === 0 && idleMs > this.#options.limits.idleMs) {
      this.#close(CLOSE.normal, 'nothing was asked for too long');
      return;
    }
    this.#isAlive = false;
    this.#socket.ping();
  }

  /** Lets what is under way finish, then closes. */
  drain(): void {
    this.#isDraining = true;
    if (this.#underWay.size === 0) this.#close(this.#leavesUnfinished ? CLOSE_RESTART : CLOSE.goingAway, SHUTTING_DOWN);
  }

  /** What is under way will not finish: its errors are on their way, and the close says why. */
  end(): void {
    if (this.#underWay.size > 0) this.#leavesUnfinished = true;
  }

  /** Cuts the connection. */
  terminate(): void {
    this.#socket.terminate();
  }

  #read(data: RawData, isBinary: boolean): void {
    // After a close has been sent, nobody is answered any more.
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#activeAt = performance.now();
    if (isBinary) {
      this.#tell(apiError('unsupported_media_type', 'send text: each message is one JSON object'), null);
      this.#close(CLOSE.unsupportedData, 'text only');
      return;
    }
    let requestId: string | null = null;
    try {
      const bytes = bytesOf(data);
      const value = readMessage(bytes);
      requestId = requestIdOf(value);
      this.#act(parseMessage(value, bytes, this.#options.limits.maxBodyBytes), requestId);
    } catch (error) {
      this.#tell(asApiError(error), requestId);
    }
  }

  #act(message: ClientMessage, requestId: string | null): void {
    switch (message.type) {
      case 'ping':
        this.#outbox.sendJson({ type: 'pong' });
        break;
      case 'auth':
        this.#authenticate(message.apiKey);
        break;
      case 'cancel':
        this.#underWay.get(requestId)?.leave();
        this.#outbox.sendJson({ type: 'cancelled', ...(requestId === null ? {} : { request_id: requestId }) });
        break;
      case 'sealed':
        this.#disarmDeadline();
        this.#begin(requestId, OHTTP_GATEWAY_PATH, message.message, {
          makeSink: (options) => new SealedMessageSink(options),
          headers: { 'content-type': OHTTP_CHUNKED_REQUEST_MEDIA_TYPE },
        });
        break;
      case 'request':
        this.#requireClear();
        this.#begin(requestId, this.#options.path, message.body, {
          makeSink: (options) => new MessageSink(options),
          headers: { ...this.#options.headers, ...this.#credential, 'content-type': 'application/json' },
        });
        break;
      default:
        message satisfies never;
    }
  }

  /** Says nothing when the key is good: clients read whatever comes as a part of an answer. */
  #authenticate(apiKey: string): void {
    try {
      this.#requireClear();
      const credential = keyFields(apiKey);
      this.#options.authenticate(credential);
      this.#credential = credential;
      this.#disarmDeadline();
    } catch (error) {
      this.#tell(asApiError(error), null);
      this.#close(CLOSE.policyViolation, 'the API key was refused');
    }
  }

  #requireClear(): void {
    if (this.#options.clearIsOpen) return;
    throw apiError('sealed_request_required', 'this router takes encrypted requests only');
  }

  #begin(
    requestId: string | null,
    path: string,
    body: Uint8Array,
    {
      makeSink,
      headers,
    }: { readonly makeSink: (options: SinkOptions) => ConnectionSink; readonly headers: HeaderFields },
  ): void {
    if (this.#underWay.has(requestId)) {
      // Without the id: the request that has it is not over.
      this.#tell(
        apiError('invalid_request', 'a request of this request_id is under way: give each its own', {
          param: 'request_id',
        }),
        null,
      );
      return;
    }
    const { maxUnderWay } = this.#options.limits;
    if (this.#underWay.size >= maxUnderWay) {
      throw apiError('rate_limit_exceeded', `a connection has at most ${maxUnderWay} requests under way`);
    }
    const sink = makeSink({ outbox: this.#outbox, requestId, onOver: () => this.#over(requestId) });
    this.#underWay.set(requestId, sink);
    // `handle` never rejects: what goes wrong has become an error answer.
    void this.#options.handle(messageExchange(path, headers, body, sink));
  }

  #over(requestId: string | null): void {
    this.#underWay.delete(requestId);
    this.#activeAt = performance.now();
    // The last message has yet to leave: the close comes behind it.
    if (this.#isDraining && this.#underWay.size === 0) setImmediate(() => this.drain());
  }

  #refuseSilence(): void {
    this.#tell(apiError('missing_api_key', 'an API key is needed: send {"type":"auth","api_key":"YOUR_KEY"}'), null);
    this.#close(CLOSE.policyViolation, 'no API key came');
  }

  #disarmDeadline(): void {
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#deadline = null;
  }

  #tell(error: APIError, requestId: string | null): void {
    this.#outbox.sendJson(errorMessage(error, requestId));
  }

  #close(code: number, reason: string): void {
    this.#socket.close(code, reason);
    const timer = setTimeout(() => this.terminate(), CLOSE_TIMEOUT_MS);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  #end(): void {
    this.#disarmDeadline();
    this.#outbox.close();
    for (const sink of [...this.#underWay.values()]) sink.leave();
  }
}

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof Uint8Array ? data : new Uint8Array(data);
}
