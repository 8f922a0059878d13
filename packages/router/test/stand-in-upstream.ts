import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the stand-in received it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly bodyText: string;
  readonly body: Record<string, unknown>;
}

/** Answers one request to the stand-in. */
export type Behaviour = (request: SeenRequest, response: ServerResponse) => void | Promise<void>;

/** An OpenAI-compatible server on loopback that does what a test tells it to. */
export interface StandInUpstream {
  readonly baseUrl: string;
  readonly seen: readonly SeenRequest[];
  /** Connections open right now. */
  openConnections(): Promise<number>;
  /** Replaces what it does. */
  behave(behaviour: Behaviour): void;
  close(): Promise<void>;
}

/** A good answer in one piece. */
export function completion(content: string, model = 'm'): Record<string, unknown> {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
  };
}

/** The events of a good streamed answer, without the last `[DONE]`. */
export function completionEvents(words: readonly string[], model = 'm'): string[] {
  const event = (delta: object, finish: string | null): string =>
    `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  return [...words.map((content) => event({ content }, null)), event({}, 'stop')];
}

/** Answers JSON. */
export function json(
  value: unknown,
  status = 200,
  headers: Record<string, string> = {},
): (request: SeenRequest, response: ServerResponse) => void {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
  };
}

/** What it does until told otherwise: echoes the last message, streamed where asked, and lists `models`. */
export function wellBehaved(models: readonly string[]): Behaviour {
  return (request, response) => {
    if (request.path.endsWith('/models')) {
      json({ object: 'list', data: models.map((id) => ({ id, object: 'model' })) })(request, response);
      return;
    }
    const messages = request.body['messages'] as { content: string }[];
    const model = String(request.body['model']);
    const content = `echo: ${messages.at(-1)?.content ?? ''}`;
    if (request.body['stream'] !== true) {
      json(completion(content, model))(request, response);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of completionEvents(content.split(/(?= )/), model)) response.write(event);
    response.end('data: [DONE]\n\n');
  };
}

/** Starts a stand-in on a free port of loopback. */
export async function startStandIn(models: readonly string[] = ['m']): Promise<StandInUpstream> {
  const seen: SeenRequest[] = [];
  let behaviour = wellBehaved(models);
  const server: Server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('end', () => {
      const bodyText = Buffer.concat(chunks).toString('utf8');
      const request: SeenRequest = {
        method: message.method ?? '',
        path: message.url ?? '',
        headers: message.headers,
        bodyText,
        body: bodyText === '' ? {} : (JSON.parse(bodyText) as Record<string, unknown>),
      };
      seen.push(request);
      void behaviour(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    seen,
    openConnections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
    behave: (next) => {
      behaviour = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
