// Servers of these benchmarks listen on a free port of loopback, and nowhere else.

/** @param {import('node:net').Server} server @returns {Promise<string>} `http://127.0.0.1:PORT` */
export function listenOnLoopback(server) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      resolve(`http://127.0.0.1:${port}`);
    });
  });
}
