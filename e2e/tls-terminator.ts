import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, fetch as undiciFetch } from 'undici';
import { selfSigned } from '../packages/router/test/self-signed.ts';
import { freePort } from './free-port.ts';
import { changedExample, type RunningProgram, startListening } from './started-program.ts';

/** The name that the terminator's certificate is for. */
const NAME = 'model.test';
const EXAMPLES = fileURLToPath(new URL('../deploy/proxies/', import.meta.url));

/** A terminator of the documentation, in front of routers of a test. */
export interface TlsTerminator {
  readonly origin: string;
  /** Trusts its certificate. */
  readonly dispatcher: Agent;
  readonly fetch: typeof fetch;
  /** What it has logged. */
  log(): string;
  close(): Promise<void>;
}

/** Starts nginx with the documentation's configuration. */
export async function startNginx(folder: string, routers: readonly string[]): Promise<TlsTerminator> {
  const port = await freePort();
  const logFile = join(folder, 'access.log');
  writeTemporaryCertificate(folder);
  const site = changedExample(join(EXAMPLES, 'nginx.conf'), [
    ['server 127.0.0.1:12434;', routers.map((url) => `server ${new URL(url).host};`).join(' ')],
    ['listen 443 ssl http2;', `listen 127.0.0.1:${port} ssl http2;`],
    ['/etc/sotto/tls/cert.pem', join(folder, 'cert.pem')],
    ['/etc/sotto/tls/key.pem', join(folder, 'key.pem')],
    ['/var/log/nginx/sotto.log', logFile],
  ]);
  writeFileSync(join(folder, 'sotto.conf'), site);
  const bodies = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => {
    mkdirSync(join(folder, kind));
    return `${kind}_temp_path ${join(folder, kind)};`;
  });
  const http = `http { ${bodies.join(' ')} include ${join(folder, 'sotto.conf')}; }`;
  const main = `daemon off; pid ${join(folder, 'nginx.pid')}; error_log stderr; events {} ${http}\n`;
  // One process: workers of root would be somebody who may not write here.
  writeFileSync(join(folder, 'nginx.conf'), `master_process off; ${main}`);
  const running = await startListening('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], port);
  return terminator(folder, port, running, () => readFileSync(logFile, 'utf8'));
}

/** Starts HAProxy with the documentation's configuration. */
export async function startHaproxy(folder: string, routers: readonly string[]): Promise<TlsTerminator> {
  const port = await freePort();
  writeTemporaryCertificate(folder);
  const servers = routers.map((url, index) => `server router-${index + 1} ${new URL(url).host}`);
  const text = changedExample(join(EXAMPLES, 'haproxy.cfg'), [
    ['server router-1 127.0.0.1:12434', servers.join('\n    ')],
    // What it asks of this machine's limit of open files.
    ['maxconn 20000', 'maxconn 1000'],
    ['bind :443 ', `bind 127.0.0.1:${port} `],
    ['/etc/sotto/tls/cert-and-key.pem', join(folder, 'cert-and-key.pem')],
  ]);
  writeFileSync(join(folder, 'haproxy.cfg'), text);
  const running = await startListening('haproxy', ['-db', '-f', join(folder, 'haproxy.cfg')], port);
  return terminator(folder, port, running, () => running.output());
}

function writeTemporaryCertificate(folder: string): void {
  const certificate = selfSigned();
  if (certificate === null) throw new Error('there is no openssl to make a certificate with');
  const { certPem, keyPem } = certificate;
  writeFileSync(join(folder, 'cert.pem'), certPem);
  writeFileSync(join(folder, 'key.pem'), keyPem);
  writeFileSync(join(folder, 'cert-and-key.pem'), certPem + keyPem);
}

function terminator(folder: string, port: number, running: RunningProgram, log: () => string): TlsTerminator {
  const ca = readFileSync(join(folder, 'cert.pem'));
  const dispatcher = new Agent({ connect: { ca, servername: NAME } });
  return {
    origin: `https://127.0.0.1:${port}`,
    dispatcher,
    fetch: ((input: string, init: object) => undiciFetch(input, { ...init, dispatcher })) as unknown as typeof fetch,
    log,
    close: async () => {
      await dispatcher.destroy();
      await running.stop();
    },
  };
}
