import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A balancer that knows nothing of HTTP: it deals connections out to its servers, one after the other. */
export interface TcpBalancer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Connections that each server has taken, in the order of the servers. */
  readonly taken: readonly number[];
  /** Sends later connections to other servers; those that are open stay where they are. */
  use(targets: readonly string[]): void;
  /** Breaks every connection and listens no more. */
  close(): Promise<void>;
}

/**
 * Starts one on loopback. Each connection goes to the next server in turn; where that one takes no connection, to the
 * one after it. When all refuse, the client's connection is closed.
 * @param targets addresses of the servers, as `sotto serve` tells them: `http://127.0.0.1:PORT`
 */
export async function startTcpBalancer(targets: readonly string[]): Promise<TcpBalancer> {
  const sockets = new Set<Socket>();
  const taken = targets.map(() => 0);
  let ports = targets.map(portOf);
  let turn = 0;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.setNoDelay(true);
    // What goes wrong on one side ends the other; that is all a balancer can tell.
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    return socket;
  };
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (client) => {
    keep(client);
    const first = turn++;
    const attempt = (number: number): void => {
      const index = (first + number) % ports.length;
      const port = ports[index];
      if (port === undefined || number >= ports.length) {
        client.destroy();
        return;
      }
      const upstream = keep(connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
      const next = (): void => attempt(number + 1);
      upstream.once('error', next);
      upstream.once('connect', () => {
        upstream.off('error', next);
        taken[index] = (taken[index] ?? 0) + 1;
        join(client, upstream);
      });
    };
    attempt(0);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    taken,
    use: (others) => {
      ports = others.map(portOf);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Passes bytes, their ends and breaks between two connections. */
function join(client: Socket, upstream: Socket): void {
  client.on('close', () => upstream.destroy());
  upstream.on('close', () => client.destroy());
  client.pipe(upstream);
  upstream.pipe(client);
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
