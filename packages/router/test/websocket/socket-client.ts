import { onTestFinished } from 'vitest';
import WebSocket from 'ws';
import { eventually } from '../eventually.ts';

/** A message as a test reads it. */
export interface Received {
  readonly type?: string;
  readonly request_id?: string;
  readonly object?: string;
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string };
    readonly message?: { readonly content?: string };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: Readonly<Record<string, unknown>> | null;
  readonly error?: { readonly code: string; readonly param: string | null; readonly message: string };
  readonly retry_after_ms?: number;
  readonly chunk?: string;
  readonly done?: boolean;
}

/** How a connection ended. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** A connection for the length of a test. Every message that comes is parsed at once: one that is no JSON fails it. */
export interface SocketClient {
  readonly socket: WebSocket;
  readonly received: readonly Received[];
  /** The same messages, as text. */
  readonly texts: readonly string[];
  readonly closed: Promise<Closing>;
  /** Sends a value as JSON, a text as it is. */
  send(message: unknown): void;
  /** Settles when a message that `wanted` says yes to has come. */
  until(wanted: (message: Received) => boolean): Promise<Received>;
  /** The content of a request's chunks so far. */
  contentOf(requestId?: string): string;
}

/** What a test connects with. */
export interface ConnectOptions {
  readonly headers?: Record<string, string>;
  readonly protocols?: readonly string[];
}

/** Connects. Rejects where the upgrade is refused. */
export async function connectTo(url: string, { headers = {}, protocols = [] }: ConnectOptions = {}) {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), [...protocols], { headers });
  onTestFinished(() => socket.terminate());
  const client = clientOf(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('error', reject);
  });
  socket.on('error', () => {});
  return client;
}

function clientOf(socket: WebSocket): SocketClient {
  const received: Received[] = [];
  const texts: string[] = [];
  socket.on('message', (data: Buffer) => {
    texts.push(data.toString('utf8'));
    received.push(JSON.parse(data.toString('utf8')) as Received);
  });
  const closed = new Promise<Closing>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString('utf8') }));
  });
  return {
    socket,
    received,
    texts,
    closed,
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    until: async (wanted) => {
      await eventually('a message', () => received.some(wanted));
      const found = received.find(wanted);
      if (found === undefined) throw new Error('no such message');
      return found;
    },
    contentOf: (requestId) =>
      received
        .filter((message) => message.request_id === requestId)
        .map((message) => message.choices?.[0]?.delta?.content ?? '')
        .join(''),
  };
}

/** What a refused upgrade was answered with. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Tries to connect where that is refused. */
export function refusalOf(url: string, { headers = {}, protocols = [] }: ConnectOptions = {}): Promise<Refusal> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), [...protocols], { headers });
  return new Promise((resolve, reject) => {
    socket.on('open', () => {
      socket.terminate();
      reject(new Error('the upgrade was not refused'));
    });
    socket.on('error', () => {});
    socket.on('unexpected-response', (_request, response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8');
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
  });
}

/** The code of an error in a refusal. */
export function codeOf({ text }: Refusal): unknown {
  return (JSON.parse(text) as { error?: { code?: unknown } }).error?.code;
}

/** Whether a message finishes its request. */
export function isLast(requestId?: string): (message: Received) => boolean {
  return (message) => message.request_id === requestId && typeof message.choices?.[0]?.finish_reason === 'string';
}

/** Whether a message is an error of a code. */
export function isError(code: string): (message: Received) => boolean {
  return (message) => message.error?.code === code;
}
