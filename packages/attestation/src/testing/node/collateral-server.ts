import { createServer, type ServerResponse } from 'node:http';

/** One answer of a vendor's service. */
export interface CollateralAnswer {
  readonly body: Uint8Array | string;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Ways in which a service or a cache of it fails. */
export type CollateralFault =
  | { readonly type: 'status'; readonly status: number; readonly retryAfter?: string }
  /** Never answers. */
  | { readonly type: 'hang' }
  /** Sends half of the answer, then closes the connection. */
  | { readonly type: 'truncate' }
  /** Sends a web page, as captive portals do. */
  | { readonly type: 'web-page' }
  /** Sends more than there is any reason to. */
  | { readonly type: 'oversized' }
  /** Leads elsewhere. */
  | { readonly type: 'redirect' };

/** A vendor's service on the loopback. */
export interface CollateralServer {
  readonly url: string;
  /** Paths with their queries, in the order they were asked for. */
  readonly asked: readonly string[];
  /** What it answers, by path and query; may be changed. */
  readonly answers: Map<string, CollateralAnswer>;
  /** Makes the next questions fail, one a fault. */
  failNext(...faults: readonly CollateralFault[]): void;
  close(): Promise<void>;
}

const OVERSIZED_BYTES = 1_048_576;

/** Starts a service that answers what it is told to; 404 to all else. */
export async function startCollateralServer(
  answers: Iterable<readonly [string, CollateralAnswer]>,
): Promise<CollateralServer> {
  const byPath = new Map(answers);
  const asked: string[] = [];
  const faults: CollateralFault[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const answer = byPath.get(path);
    const fault = faults.shift();
    if (fault !== undefined) fail(response, fault, answer);
    else if (answer === undefined) response.writeHead(404).end();
    else response.writeHead(200, headersOf(answer)).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    answers: byPath,
    failNext: (...next) => void faults.push(...next),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function headersOf({ contentType, headers }: CollateralAnswer): Record<string, string> {
  return { 'content-type': contentType, ...headers };
}

function fail(response: ServerResponse, fault: CollateralFault, answer: CollateralAnswer | undefined): void {
  switch (fault.type) {
    case 'status':
      response.writeHead(fault.status, fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter }).end();
      return;
    case 'hang':
      return;
    case 'truncate': {
      const body = Buffer.from(answer?.body ?? 'truncated');
      response.writeHead(200, { ...(answer === undefined ? {} : headersOf(answer)), 'content-length': body.length });
      response.write(body.subarray(0, body.length / 2), () => response.destroy());
      return;
    }
    case 'web-page':
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Sign in</title>');
      return;
    case 'oversized':
      response.writeHead(200, answer === undefined ? {} : headersOf(answer)).end(new Uint8Array(OVERSIZED_BYTES));
      return;
    case 'redirect':
      response.writeHead(302, { location: '/elsewhere' }).end();
      return;
  }
}
