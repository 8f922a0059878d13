// A TCP relay that counts what passes, heads and bodies apart.
import { connect, createServer } from 'node:net';
import { listenOnLoopback } from './listen.mjs';

const HEAD_END = '\r\n\r\n';

/** Relays a free port of loopback to a router. @param {string} url */
export async function startCountingRelay(url) {
  let up = [];
  let down = [];
  const sockets = new Set();
  const server = createServer((client) => {
    const router = connect(Number(new URL(url).port), '127.0.0.1');
    for (const socket of [client, router]) sockets.add(socket.on('close', () => sockets.delete(socket)));
    client.on('data', (chunk) => up.push(chunk)).pipe(router);
    router.on('data', (chunk) => down.push(chunk)).pipe(client);
    client.on('error', () => router.destroy());
    router.on('error', () => client.destroy());
  });
  const ownUrl = await listenOnLoopback(server);
  return {
    url: ownUrl,
    /** Counts one exchange. @param {() => Promise<unknown>} exchange */
    async count(exchange) {
      up = [];
      down = [];
      await exchange();
      return { up: parts(up), down: parts(down) };
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function parts(chunks) {
  const bytes = Buffer.concat(chunks);
  const head = bytes.indexOf(HEAD_END) + HEAD_END.length;
  return { head, body: bytes.length - head };
}
