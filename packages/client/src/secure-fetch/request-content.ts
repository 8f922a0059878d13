import { ConfigurationError, encodeUtf8 } from '@sotto/protocol';
import type { InnerRequest, StreamedContent } from '../ohttp/inner-request.ts';

/** What `fetch` takes as a body; Node's takes async iterables of bytes too. */
export type RequestContent = BodyInit | AsyncIterable<Uint8Array> | null;

/** A body as it will be sealed, and the media type that it brings along. */
interface ReadContent {
  readonly content: InnerRequest['content'];
  readonly contentType: string | null;
}

/** Reads a body as `fetch` would (Fetch §2.2.5): texts, bytes, forms, blobs, streams. */
export async function readContent(body: RequestContent | undefined): Promise<ReadContent> {
  if (body === null || body === undefined) return { content: null, contentType: null };
  if (typeof body === 'string') return { content: encodeUtf8(body), contentType: 'text/plain;charset=UTF-8' };
  if (body instanceof Uint8Array) return untyped(body);
  if (body instanceof ArrayBuffer) return untyped(new Uint8Array(body));
  if (ArrayBuffer.isView(body)) return untyped(new Uint8Array(body.buffer, body.byteOffset, body.byteLength));
  if (body instanceof ReadableStream) return untyped(streamOnce(body));
  if (body instanceof Blob) {
    return { content: { open: () => piecesOf(body.stream()), repeatable: true }, contentType: body.type || null };
  }
  if (body instanceof FormData || body instanceof URLSearchParams) {
    // The runtime knows how to write a form, and makes the boundary between its parts.
    const written = new Response(body);
    return { content: new Uint8Array(await written.arrayBuffer()), contentType: written.headers.get('content-type') };
  }
  if (Symbol.asyncIterator in body) return untyped({ open: () => checked(body), repeatable: false });
  throw new ConfigurationError('fetch takes no such body', { code: 'invalid_option' });
}

function untyped(content: InnerRequest['content']): ReadContent {
  return { content, contentType: null };
}

function streamOnce(stream: ReadableStream): StreamedContent {
  return { open: () => piecesOf(stream), repeatable: false };
}

async function* piecesOf(stream: ReadableStream<unknown>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      ended = done;
      if (done) return;
      yield checkPiece(value);
    }
  } finally {
    if (!ended) await reader.cancel().catch(() => undefined);
    reader.releaseLock();
  }
}

async function* checked(content: AsyncIterable<unknown>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of content) yield checkPiece(piece);
}

/** Fetch §2.2.5 wants bytes, and nothing else, of a stream. */
function checkPiece(piece: unknown): Uint8Array {
  if (piece instanceof Uint8Array) return piece;
  throw new ConfigurationError('a body yields Uint8Arrays', { code: 'invalid_option' });
}
