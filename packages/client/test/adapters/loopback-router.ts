import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { StandInGateway } from '../ohttp/stand-in-gateway.ts';

/** The stand-in gateway behind a real socket. */
export interface LoopbackRouter {
  readonly gateway: StandInGateway;
  readonly url: string;
  /** Bytes that came over the wire, header fields included. */
  readonly wire: () => string;
  /** Connections that were ever made. */
  readonly connections: () => number;
  /** Cuts every connection at once. */
  cut(): void;
  close(): Promise<void>;
}

export async function startRouter(): Promise<LoopbackRouter> {
  const gateway = new StandInGateway();
  const wire: string[] = [];
  const server = createServer((request, response) => void serve(gateway, wire, request, response));
  let connections = 0;
  server.on('connection', () => void connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    gateway,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    wire: () => wire.join('\n'),
    connections: () => connections,
    cut: () => server.closeAllConnections(),
    close: () => closeServer(server),
  };
}

async function serve(
  gateway: StandInGateway,
  wire: string[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request);
  wire.push(`${request.method} ${request.url} ${JSON.stringify(request.rawHeaders)} ${body.toString('latin1')}`);
  const answer = await gateway.handle(request.method ?? '', request.url ?? '', body);
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.flushHeaders();
  if (answer.body === null) {
    response.end();
    return;
  }
  const stream = Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]);
  stream.on('data', (chunk: Uint8Array) => wire.push(Buffer.from(chunk).toString('latin1')));
  stream.on('error', () => response.destroy());
  response.on('close', () => stream.destroy());
  stream.pipe(response);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    // The client gave up.
  }
  return Buffer.concat(chunks);
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
  });
}
