import type { InnerResponse } from '../ohttp/open-answer.ts';

/** Fetch §2.2.3: statuses whose responses have no body. */
const NULL_BODY_STATUSES = new Set([204, 205, 304]);

/**
 * The answer as the Fetch API has it. Its body is decrypted as it is read, and errors where the answer was cut off or
 * tampered with; an abort of `signal` errors it with the signal's reason.
 */
export async function makeResponse(
  { status, headers, body }: InnerResponse,
  method: string,
  signal: AbortSignal | null,
): Promise<Response> {
  const init = { status, headers: headers.map(([name, value]): [string, string] => [name, value]) };
  if (NULL_BODY_STATUSES.has(status) || method === 'HEAD') {
    // No content, but an end that must be the authenticated one.
    for await (const _ of body);
    return new Response(null, init);
  }
  return new Response(streamOf(body, signal), init);
}

function streamOf(body: InnerResponse['body'], signal: AbortSignal | null): ReadableStream<Uint8Array<ArrayBuffer>> {
  const source = body[Symbol.asyncIterator]();
  let onAbort: () => void = () => undefined;
  const release = (): void => signal?.removeEventListener('abort', onAbort);
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(controller) {
        onAbort = () => controller.error(signal?.reason);
        signal?.addEventListener('abort', onAbort, { once: true });
      },
      async pull(controller) {
        try {
          const next = await source.next();
          if (next.done !== true) {
            controller.enqueue(owned(next.value));
            return;
          }
          release();
          controller.close();
        } catch (error) {
          release();
          throw signal?.aborted === true ? signal.reason : error;
        }
      },
      async cancel() {
        release();
        await body.cancel();
      },
    },
    // Nothing is read ahead: a slow reader slows the router down.
    { highWaterMark: 0 },
  );
}

/** The library's type wants a view over an ArrayBuffer; decrypted bytes are one already. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}
