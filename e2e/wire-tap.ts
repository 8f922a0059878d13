import { Buffer } from 'node:buffer';
import { type AddressInfo, connect, createServer } from 'node:net';

/** A stretch of wire between a client and a router: it passes every byte on, and keeps it. */
export interface WireTap {
  readonly url: string;
  /** All bytes so far, each connection's and direction's together, so that no text is split by another's. */
  captured(): Buffer;
  close(): Promise<void>;
}

/** Starts one in front of the server at `target`. */
export async function startWireTap(target: string): Promise<WireTap> {
  const flows: Buffer[][] = [];
  const server = createServer((client) => {
    const router = connect(Number(new URL(target).port), '127.0.0.1');
    for (const [from, to] of [
      [client, router],
      [router, client],
    ] as const) {
      const flow: Buffer[] = [];
      flows.push(flow);
      from.on('data', (chunk: Buffer) => flow.push(chunk));
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
      from.pipe(to);
    }
  });
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    captured: () => Buffer.concat(flows.flat()),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/**
 * The ways in which a text is found in a capture: as it is, in UTF-16, percent-encoded throughout, in hexadecimal, and
 * in base64 wherever in an encoded message it may stand.
 */
export function encodingsOf(text: string): ReadonlyMap<string, string> {
  const bytes = Buffer.from(text);
  const hex = bytes.toString('hex');
  const found = new Map([
    ['raw', text],
    ['utf-16', Buffer.from(text, 'utf16le').toString('latin1').slice(0, -1)],
    ['hex', hex],
    ['percent', encodeURIComponent(text)],
    ['percent, every byte', hex.replaceAll(/../g, '%$&')],
    ['escaped as JSON', hex.replaceAll(/../g, '\\u00$&')],
  ]);
  for (const shift of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    // The characters at both ends also hold bits of what stands beside the text.
    const own = encoded.slice(shift === 0 ? 0 : shift + 1, encoded.replaceAll('=', '').length - 1);
    found.set(`base64 at ${shift}`, own);
    found.set(`base64url at ${shift}`, own.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return found;
}

/** The encodings of `text` that a capture holds; upper and lower case are the same, but in base64. */
export function findEncodings(capture: Buffer, text: string): readonly string[] {
  const exact = capture.toString('latin1');
  const folded = exact.toLowerCase();
  return [...encodingsOf(text)]
    .filter(([name, form]) => (name.startsWith('base64') ? exact.includes(form) : folded.includes(form.toLowerCase())))
    .map(([name]) => name);
}
