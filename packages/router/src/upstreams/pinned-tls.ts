import { createHash } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';

/**
 * Makes connections to a server that has one of the listed keys, and gives up all others before a byte of a request
 * is written. The key stands for the server, as in RFC 7671 §5.1: neither an authority, nor a name, nor a date in the
 * certificate is asked for beside it, so that a server may sign its own.
 * @param spkiSha256 SHA-256 of the SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), lower-case hexadecimal
 */
export function pinnedConnector(
  spkiSha256: readonly string[],
  options: buildConnector.BuildOptions,
): buildConnector.connector {
  const connect = buildConnector({
    ...options,
    // Not less is checked, but something else: the key, below. The handshake proves that the server holds it.
    rejectUnauthorized: false,
    // A resumed session shows no certificate anew: each connection shakes hands in full.
    maxCachedSessions: 0,
  });
  return (target, callback) => {
    connect(target, (...[failure, socket]) => {
      if (socket === null) {
        callback(failure, null);
        return;
      }
      if (isPinned(socket, spkiSha256)) {
        callback(null, socket);
        return;
      }
      socket.destroy();
      callback(new Error('the server has another key than those of tlsSpkiSha256'), null);
    });
  };
}

function isPinned(socket: unknown, spkiSha256: readonly string[]): boolean {
  if (!(socket instanceof TLSSocket)) return false;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return false;
  const spki = certificate.publicKey.export({ format: 'der', type: 'spki' });
  return spkiSha256.includes(createHash('sha256').update(spki).digest('hex'));
}
