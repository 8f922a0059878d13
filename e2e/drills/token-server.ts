import { completion, completionEvents } from '../../packages/router/test/stand-in-upstream.ts';
import { type LoopbackServer, startLoopbackServer } from './loopback-server.ts';

/** How it speaks. */
export interface TokenServerOptions {
  /** Tokens of a streamed answer; a whole one comes at once. */
  readonly tokens: number;
  readonly everyMs: number;
  /** 0: a port that is free. */
  readonly port?: number;
}

/** Starts one on loopback, with any model that is asked for. */
export function startTokenServer({ tokens, everyMs, port = 0 }: TokenServerOptions): Promise<LoopbackServer> {
  const events = completionEvents(Array.from({ length: tokens }, () => ' token'));
  return startLoopbackServer((message, response) => {
    let text = '';
    message.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    message.on('end', () => {
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
  }, port);
}
