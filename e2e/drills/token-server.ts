import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { completion, completionEvents } from '../../packages/router/test/stand-in-upstream.ts';

/** A model server that speaks one token at a time. */
export interface TokenServer {
  readonly baseUrl: string;
  /** Chat requests it has taken, by what became of them there. */
  readonly counts: { answered: number; abandoned: number };
  openConnections(): Promise<number>;
  close(): Promise<void>;
}

/** How it speaks. */
export interface TokenServerOptions {
  /** Tokens of a streamed answer; a whole one comes at once. */
  readonly tokens: number;
  readonly everyMs: number;
  /** 0: a port that is free. */
  readonly port?: number;
}

/** Starts one on loopback, with any model that is asked for. */
export async function startTokenServer({ tokens, everyMs, port = 0 }: TokenServerOptions): Promise<TokenServer> {
  const counts = { answered: 0, abandoned: 0 };
  const events = completionEvents(Array.from({ length: tokens }, () => ' token'));
  const server = createServer((message, response) => {
    let text = '';
    message.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    message.on('end', () => {
      response.on('close', () => {
        if (message.url?.endsWith('/models') !== true) counts[response.writableFinished ? 'answered' : 'abandoned']++;
      });
      if (!text.includes('"stream":true')) {
        const body = message.url?.endsWith('/models') === true ? { object: 'list', data: [] } : completion('whole');
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      let next = 0;
      const timer = setInterval(() => {
        response.write(events[next++]);
        if (next < events.length) return;
        clearInterval(timer);
        response.end('data: [DONE]\n\n');
      }, everyMs);
      response.on('close', () => clearInterval(timer));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const { port: bound } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${bound}/v1`,
    counts,
    openConnections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
