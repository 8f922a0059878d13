import { apiError, concatBytes } from '@sotto/protocol';
import type { StreamedContent } from './inner-request.ts';

/** The longest content that is collected where the transport cannot stream it. */
const MAX_COLLECTED_BYTES = 67_108_864;

/**
 * Reads streamed content to its end, for a transport that sends only what is there.
 * @throws PayloadTooLargeError `payload_too_large`; and the reason of `signal`, however slow the content is
 */
export async function collect(content: StreamedContent, signal: AbortSignal): Promise<Uint8Array> {
  const source = content.open()[Symbol.asyncIterator]();
  const aborted = rejectionOf(signal);
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const next = await Promise.race([source.next(), aborted.promise]);
      if (next.done === true) return concatBytes(...pieces);
      length += next.value.length;
      if (length > MAX_COLLECTED_BYTES) {
        const message = `this transport cannot stream a request, and collects no more than ${MAX_COLLECTED_BYTES} bytes`;
        throw apiError('payload_too_large', message);
      }
      pieces.push(next.value);
    }
  } catch (error) {
    // Not awaited: content that hangs would hang this too.
    source.return?.().then(undefined, () => undefined);
    throw error;
  } finally {
    aborted.release();
  }
}

/** A promise that never resolves, and rejects when `signal` aborts. */
function rejectionOf(signal: AbortSignal): { readonly promise: Promise<never>; release(): void } {
  let onAbort: () => void = () => undefined;
  const promise = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
  });
  // Where nobody waits any more, nobody needs to hear of it.
  promise.catch(() => undefined);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  return { promise, release: () => signal.removeEventListener('abort', onAbort) };
}
