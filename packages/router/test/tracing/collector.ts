import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from '../eventually.ts';

/** A span as OTLP's JSON has it. */
export interface ReceivedSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly failed: boolean;
}

/** A stand-in for a collector: takes OTLP over HTTP, in JSON. */
export interface Collector {
  readonly url: string;
  /** All it was ever sent, as text. */
  readonly text: string;
  readonly headers: readonly Readonly<Record<string, unknown>>[];
  spans(): readonly ReceivedSpan[];
  /** Waits for so many spans. */
  received(count: number): Promise<readonly ReceivedSpan[]>;
  close(): Promise<void>;
}

interface OtlpValue {
  readonly stringValue?: string;
  readonly intValue?: number | string;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
}
interface OtlpSpan extends Omit<ReceivedSpan, 'attributes' | 'failed' | 'parentSpanId'> {
  readonly parentSpanId?: string;
  readonly attributes: readonly { readonly key: string; readonly value: OtlpValue }[];
  readonly status: { readonly code?: number };
}
interface OtlpRequest {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[] }[];
}

/** Starts a collector on a free port of loopback. */
export async function startCollector(): Promise<Collector> {
  const bodies: string[] = [];
  const headers: Record<string, unknown>[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString('utf8');
    });
    request.on('end', () => {
      bodies.push(body);
      headers.push({ ...request.headers });
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const spans = (): readonly ReceivedSpan[] => bodies.flatMap((body) => spansOf(JSON.parse(body) as OtlpRequest));
  return {
    url: `http://127.0.0.1:${port}/v1/traces`,
    get text() {
      return bodies.join('\n');
    },
    headers,
    spans,
    received: async (count) => {
      await eventually(`${count} spans`, () => spans().length >= count);
      return spans();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function spansOf({ resourceSpans }: OtlpRequest): readonly ReceivedSpan[] {
  const all = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
  return all.map(({ name, kind, traceId, spanId, parentSpanId = '', attributes, status }) => ({
    name,
    kind,
    traceId,
    spanId,
    parentSpanId,
    attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0] as unknown])),
    failed: status.code === 2,
  }));
}
