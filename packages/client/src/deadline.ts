import { APITimeoutError, APIUserAbortError, type SottoError } from '@sotto/protocol';

/** The error of a caller who gave up. */
export function userAborted(): APIUserAbortError {
  return new APIUserAbortError('the request was aborted by its caller', { code: 'request_aborted' });
}

/**
 * Runs one attempt until it settles, its time is up, or the caller gives up, whichever comes first. `run` gets a
 * signal for what can be stopped; what cannot (a key pair being made) is left behind, so the caller never waits.
 * @throws APIUserAbortError `request_aborted`
 * @throws APITimeoutError `connection_timeout`
 */
export async function withDeadline<T>(
  caller: AbortSignal | null,
  timeoutMs: number,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (caller?.aborted) throw userAborted();
  const controller = new AbortController();
  let ending: SottoError | null = null;
  let reject: (error: SottoError) => void = () => undefined;
  const ended = new Promise<never>((_, rejectEnded) => {
    reject = rejectEnded;
  });
  const end = (error: SottoError): void => {
    ending ??= error;
    reject(ending);
    controller.abort(ending);
  };
  const onAbort = (): void => end(userAborted());
  caller?.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => {
    end(new APITimeoutError(`no complete answer came within ${timeoutMs} ms`, { code: 'connection_timeout' }));
  }, timeoutMs);
  try {
    return await Promise.race([run(controller.signal), ended]);
  } catch (error) {
    // What else was under way for this attempt is of no use now.
    controller.abort(error);
    // What a transport throws when it is stopped says less than why it was stopped.
    throw ending ?? error;
  } finally {
    clearTimeout(timer);
    caller?.removeEventListener('abort', onAbort);
  }
}
