import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What stands before a router, and sees what is sent to it. */
export interface RouterFront {
  readonly url: string;
  /** Requests as they arrived: `POST /.well-known/ohttp-gateway`. */
  readonly seen: readonly string[];
  /** The sealed ones among them. */
  readonly sealed: number;
  /** Sealed requests whose answers are still under way. */
  readonly underWay: number;
  close(): Promise<void>;
}

/** How it passes things on. */
export interface FrontOptions {
  /** Cuts answers into pieces of one byte. */
  readonly byteByByte?: boolean;
  /** Answers in the router's place: the body, or null to pass the request on. */
  readonly evidence?: (url: URL) => Promise<string | null>;
}

/** Starts one on loopback for the length of a test. */
export async function startFront(routerUrl: string, options: FrontOptions = {}): Promise<RouterFront> {
  const seen: string[] = [];
  const underWay = new Set<IncomingMessage>();

  const passOn = (message: IncomingMessage, response: ServerResponse): void => {
    const { method, headers, url } = message;
    const onward = request(new URL(url ?? '/', routerUrl), { method, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      response.flushHeaders();
      answer.on('data', (chunk: Buffer) => {
        if (options.byteByByte === true) for (const byte of chunk) response.write(Buffer.of(byte));
        else if (!response.write(chunk)) {
          answer.pause();
          response.once('drain', () => answer.resume());
        }
      });
      answer.on('end', () => response.end());
      answer.on('error', () => response.destroy());
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => {
      underWay.delete(message);
      onward.destroy();
    });
    message.pipe(onward);
  };

  const server = createServer((message, response) => {
    seen.push(`${message.method} ${message.url?.split('?')[0]}`);
    if (message.method === 'POST') underWay.add(message);
    const evidence = options.evidence;
    const url = new URL(message.url ?? '/', `http://${message.headers.host}`);
    if (evidence === undefined || url.pathname !== '/pki/attestation') {
      passOn(message, response);
      return;
    }
    void evidence(url).then((body) => {
      if (body === null) response.writeHead(404).end();
      else response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  onTestFinished(close);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    get sealed() {
      return seen.filter((line) => line.startsWith('POST ')).length;
    },
    get underWay() {
      return underWay.size;
    },
    close,
  };
}
