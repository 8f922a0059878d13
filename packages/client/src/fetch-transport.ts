import { connectionFailed, type ResponseBody, type Transport, type TransportRequest } from './transport.ts';

/** The part of the Fetch API that is used; `globalThis.fetch` fits, and so does a test's stand-in. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What a `fetch` can do beyond what all can. */
export interface FetchTransportOptions {
  /**
   * Whether it sends a stream as it comes (`duplex: 'half'`). Default false: Chromium does so over HTTP/2 alone and
   * other browsers not at all; what they cannot stream is collected first.
   */
  readonly streamsUploads?: boolean;
}

/** Carries requests over a `fetch`: the transport of browsers, and of callers who bring their own. */
export function fetchTransport(fetch: Fetch, { streamsUploads = false }: FetchTransportOptions = {}): Transport {
  return {
    streamsUploads,
    async send(request) {
      let response: Response;
      try {
        response = await fetch(request.url, initOf(request));
      } catch (error) {
        throw connectionFailed(error);
      }
      return {
        // A browser hides the status of a redirect that it was told not to follow (Fetch §2.2.6).
        status: response.type === 'opaqueredirect' ? 302 : response.status,
        headers: Object.fromEntries(response.headers),
        body: bodyOf(response),
      };
    },
  };
}

function initOf(request: TransportRequest): RequestInit {
  return {
    method: request.method,
    headers: request.headers,
    ...bodyInit(request.body),
    signal: request.signal,
    redirect: 'manual',
    // Neither cookies nor the page's address are any business of the router's.
    credentials: 'omit',
    referrerPolicy: 'no-referrer',
    cache: request.method === 'GET' ? 'no-cache' : 'no-store',
  };
}

function bodyInit(body: TransportRequest['body']): RequestInit & { readonly duplex?: 'half' } {
  if (body === null || typeof body === 'string') return { body };
  // The library's type wants a view over an ArrayBuffer: one over shared memory is copied.
  if (body instanceof Uint8Array) return { body: new Uint8Array(body) };
  return { body: streamOf(body), duplex: 'half' };
}

function streamOf(body: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const source = body[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await source.next();
      if (next.done === true) controller.close();
      else controller.enqueue(next.value);
    },
    async cancel() {
      await source.return?.();
    },
  });
}

function bodyOf(response: Response): ResponseBody {
  const stream = response.body;
  return {
    async *[Symbol.asyncIterator]() {
      if (stream === null) return;
      const reader = stream.getReader();
      try {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return;
          yield value;
        }
      } catch (error) {
        throw connectionFailed(error);
      } finally {
        // Also where the consumer stopped early: the rest would keep the connection busy.
        await reader.cancel().catch(() => undefined);
        reader.releaseLock();
      }
    },
    async cancel() {
      if (stream !== null && !stream.locked) await stream.cancel().catch(() => undefined);
    },
  };
}
