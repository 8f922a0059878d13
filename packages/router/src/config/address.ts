import { isIP } from 'node:net';

/** Where an upstream is, taken apart. */
export interface UpstreamAddress {
  /** Scheme, host and port for the Host field and TLS; `http://localhost` for a unix socket. */
  readonly origin: string;
  /** Path that goes before every request's: `/v1`, or empty. */
  readonly basePath: string;
  /** The unix socket's path, or null. */
  readonly socketPath: string | null;
}

/** Takes `http(s)://host:port/base` or `unix:/path/to.sock[:/base]` apart. */
export function parseUpstreamAddress(baseUrl: string): UpstreamAddress {
  if (baseUrl.startsWith('unix:')) {
    const [socketPath = '', basePath = '/v1'] = baseUrl.slice('unix:'.length).split(':');
    return { origin: 'http://localhost', basePath: withoutTrailingSlash(basePath), socketPath };
  }
  const url = new URL(baseUrl);
  return { origin: url.origin, basePath: withoutTrailingSlash(url.pathname), socketPath: null };
}

/**
 * Whether an upstream's address can be taken apart, and holds nothing that would be dropped in silence: no user name,
 * password, query or fragment.
 */
export function isUpstreamAddress(baseUrl: string): boolean {
  if (baseUrl.startsWith('unix:/')) return true;
  if (!URL.canParse(baseUrl)) return false;
  const { protocol, username, password, search, hash } = new URL(baseUrl);
  return (protocol === 'http:' || protocol === 'https:') && username + password + search + hash === '';
}

function withoutTrailingSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

/** Whether an address cannot leave the machine: a unix socket, or an IP literal or name of loopback. */
export function isPrivateAddress(baseUrl: string): boolean {
  if (baseUrl.startsWith('unix:')) return true;
  let host: string;
  try {
    host = new URL(baseUrl).hostname;
  } catch {
    return false;
  }
  return host === 'localhost' || host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** Where the router listens. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** Takes `host:port`, `[v6]:port` or `unix:/path` apart. @returns null where it is none of them */
export function parseListenAddress(listen: string): ListenAddress | null {
  if (listen.startsWith('unix:/')) return { kind: 'unix', path: listen.slice('unix:'.length) };
  const [, bracketed, plain, portText] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(listen) ?? [];
  const host = bracketed ?? plain;
  const port = Number(portText);
  return host === undefined || port > 65_535 ? null : { kind: 'tcp', host, port };
}
