import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** Header fields about the upgrade itself (RFC 9110 §7.8; RFC 7540 §3.2). */
const UPGRADE_FIELDS = new Set(['upgrade', 'connection', 'http2-settings']);

/** Whether an upgrade asks for WebSocket. */
export function isWebSocketUpgrade({ headers }: IncomingMessage): boolean {
  return (headers.upgrade ?? '').toLowerCase() === 'websocket';
}

/**
 * Has a request answered as if it had not asked to upgrade, as RFC 9110 §7.8 lets a server: some clients offer
 * HTTP/2 with every first request. `node:http` has let go of the connection by then, so the request is given to it
 * again, without what was about the upgrade.
 */
export function ignoreUpgrade(server: Server, message: IncomingMessage, socket: Duplex, head: Buffer): void {
  const lines = [`${message.method ?? 'GET'} ${message.url ?? '/'} HTTP/${message.httpVersion}`];
  for (let at = 0; at + 1 < message.rawHeaders.length; at += 2) {
    const name = message.rawHeaders[at] ?? '';
    if (!UPGRADE_FIELDS.has(name.toLowerCase())) lines.push(`${name}: ${message.rawHeaders[at + 1] ?? ''}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket);
}
