import type { ChildProcess } from 'node:child_process';

/** What can be let go of: the platform's handle of a connection. */
interface Closable {
  close(): void;
}

/**
 * Lets go of connections that were handed to a worker which died before it had them. The platform keeps them open and
 * forgets them: their clients would wait for ever, where they could ask again.
 *
 * The messages by which a connection is handed over are the platform's own and not documented. Where they look other
 * than here, nothing is closed.
 */
export function closeHandedConnections(child: ChildProcess): void {
  const onTheWay = new Map<unknown, Closable>();
  const send = child.send.bind(child) as (...parts: unknown[]) => boolean;
  child.send = (message: unknown, handle?: unknown, ...rest: unknown[]): boolean => {
    if (isObject(message) && message['act'] === 'newconn' && isClosable(handle)) onTheWay.set(message['seq'], handle);
    return send(message, handle, ...rest);
  };
  child.on('internalMessage', (message: unknown) => {
    if (isObject(message) && 'ack' in message) onTheWay.delete(message['ack']);
  });
  child.once('exit', () => {
    for (const connection of onTheWay.values()) connection.close();
    onTheWay.clear();
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isClosable(value: unknown): value is Closable {
  return isObject(value) && typeof value['close'] === 'function';
}
