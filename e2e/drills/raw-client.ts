import { connect, type Socket } from 'node:net';

/** A TCP connection of a client that has no manners. */
export interface RawClient {
  readonly socket: Socket;
  /** All that came, as text. */
  received(): string;
  /** Settles when the connection is over, in milliseconds since it began. */
  readonly over: Promise<number>;
}

/** Connects to a router. `reads: false`: never takes a byte of what it is sent. */
export async function rawClient(url: string, { reads = true }: { readonly reads?: boolean } = {}): Promise<RawClient> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const began = performance.now();
  let text = '';
  if (reads) {
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
  } else {
    socket.pause();
  }
  const over = new Promise<number>((resolve) => socket.on('close', () => resolve(performance.now() - began)));
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  // From here on an error is one way for a connection to end.
  socket.on('error', () => {});
  return { socket, received: () => text, over };
}

/** Writes one byte each `everyMs` until the connection is over. */
export function trickle({ socket, over }: RawClient, bytes: string, everyMs: number): void {
  let next = 0;
  const timer = setInterval(() => {
    if (socket.writable && next < bytes.length) socket.write(bytes[next++] ?? '');
  }, everyMs);
  void over.then(() => clearInterval(timer));
}
