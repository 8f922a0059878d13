import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';

/** What a router answered. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  /** False where the body ended before its framing says so. */
  readonly complete: boolean;
  /** The body as JSON; throws where it is none. */
  json(): Record<string, unknown>;
}

/** An error answer's body. */
export interface ErrorAnswer {
  readonly detail?: unknown;
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

/** A request as a test writes it. */
export interface Sent extends RequestOptions {
  readonly body?: string | Uint8Array | null;
}

/** Sends one request on a connection of its own and reads the whole answer, cut off or not. */
export function send(url: string, { body, ...options }: Sent = {}): Promise<Answer> {
  const method = options.method ?? (body === undefined || body === null ? 'GET' : 'POST');
  return new Promise((resolve, reject) => {
    const start = url.startsWith('https:') ? httpsRequest : httpRequest;
    const request = start(url, { agent: false, ...options, method }, (response) => {
      const chunks: Buffer[] = [];
      const finish = (): void => {
        const whole = Buffer.concat(chunks);
        const text = whole.toString('utf8');
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: whole,
          text,
          complete: response.complete,
          json: () => JSON.parse(text) as Record<string, unknown>,
        });
      };
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', finish);
      response.on('error', finish);
    });
    request.on('error', reject);
    request.end(body ?? undefined);
  });
}

/** Sends JSON, whatever `value` is. */
export function sendJson(url: string, value: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return send(url, { body: JSON.stringify(value), headers: { 'content-type': 'application/json', ...headers } });
}

/** The error of an error answer. */
export function errorOf(answer: Answer): ErrorAnswer['error'] {
  return (answer.json() as unknown as ErrorAnswer).error;
}
