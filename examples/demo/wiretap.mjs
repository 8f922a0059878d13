// A TCP relay that keeps what passes: everything that a TLS-terminating box between app and router would see.
import { connect, createServer } from 'node:net';

/** Relays a free port of loopback to `port`. @returns {Promise<{ port: number, sent: () => string, answered: () => string, close: () => void }>} */
export async function startWiretap(port) {
  const sent = [];
  const answered = [];
  const server = createServer((app) => {
    const router = connect(port, '127.0.0.1');
    app.on('data', (chunk) => sent.push(chunk)).pipe(router);
    router.on('data', (chunk) => answered.push(chunk)).pipe(app);
    app.on('error', () => router.destroy());
    router.on('error', () => app.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    sent: () => Buffer.concat(sent).toString('latin1'),
    answered: () => Buffer.concat(answered).toString('latin1'),
    close: () => server.close(),
  };
}
