import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { onTestFinished } from 'vitest';
import type { SealedFetch } from '../../src/proxy/forward.ts';
import { type LocalProxyOptions, type RequestRecord, startLocalProxy } from '../../src/proxy/local-proxy.ts';

/** A proxy that listens, for the length of a test, and what it told. */
export interface RunningProxy {
  readonly url: string;
  readonly records: readonly RequestRecord[];
  /** Settles with the next request's record. */
  nextRecord(): Promise<RequestRecord>;
  close(): Promise<void>;
}

/** Starts a proxy on a free port of loopback whose way to the router is `fetch`. */
export async function startProxy(
  fetch: SealedFetch,
  options: Partial<Omit<LocalProxyOptions, 'fetch'>> = {},
): Promise<RunningProxy> {
  const records: RequestRecord[] = [];
  const waiting: ((record: RequestRecord) => void)[] = [];
  const proxy = await startLocalProxy({
    host: '127.0.0.1',
    port: 0,
    routerUrl: 'https://router.test',
    apiKey: null,
    hosts: [],
    origins: new Set(),
    graceMs: 100,
    describe: () => ({
      router: 'https://router.test',
      state: 'connected',
      protocol: 'ohttp',
      suite: 'MLKEM768-X25519, HKDF-SHA256, AES-256-GCM',
      keyFingerprint: 'ab'.repeat(32),
      trust: 'pinned <b>"&',
      attestation: [{ name: 'policy', status: 'failed', words: 'no <i>', code: 'debug_enabled' }],
      measurements: { pcr0: 'cd'.repeat(48) },
      validUntil: '2026-03-01T12:00:00.000Z',
    }),
    ...options,
    fetch,
    onRequest: (record) => {
      records.push(record);
      waiting.shift()?.(record);
    },
  });
  onTestFinished(() => proxy.close());
  return { ...proxy, records, nextRecord: () => new Promise((resolve) => waiting.push(resolve)) };
}

/** An answer of the proxy, whole. */
export interface ProxyAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** How a request is sent: what `fetch` does not let one say, `Host` above all. */
export interface SendOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** Begins a request to the proxy; the caller writes and ends it. */
export function begin(url: string, { method = 'GET', headers = {} }: SendOptions = {}): ClientRequest {
  return request(url, { method, headers, agent: false });
}

/** Settles with the head of an answer. */
export function headOf(sent: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    sent.on('response', resolve);
    sent.on('error', reject);
  });
}

/** Sends a request and reads the answer to its end. */
export async function send(url: string, options: SendOptions = {}): Promise<ProxyAnswer> {
  const sent = begin(url, options);
  sent.end(options.body);
  const message = await headOf(sent);
  let text = '';
  for await (const chunk of message.setEncoding('utf8')) text += String(chunk);
  return { status: message.statusCode ?? 0, headers: message.headers, text };
}
