import type { IncomingMessage } from 'node:http';

/** Why the proxy does not take a request. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** From whom the proxy takes requests. */
export interface Admission {
  /** Names and ports that the proxy answers to, in lower case. */
  readonly hosts: ReadonlySet<string>;
  /** Origins of pages that may call it. */
  readonly origins: ReadonlySet<string>;
}

/** Fetch Metadata §2.3: who sent the user here, or nobody, or the proxy's own page. */
const OWN_SITES = new Set(['same-origin', 'none']);

/**
 * Keeps web pages out: the proxy adds an API key and speaks for whoever sits at the machine. A page of another origin
 * shows itself by Origin, or where it fetches an image or a script by Sec-Fetch-Site; one that has pointed its own
 * name at this address (DNS rebinding) shows itself by Host.
 */
export function refusalOf({ headers, url }: IncomingMessage, { hosts, origins }: Admission): Refusal | null {
  const { host, origin, upgrade, 'sec-fetch-site': site } = headers;
  if (!hosts.has((host ?? '').toLowerCase())) {
    const message = 'the proxy answers to its own address only; --allow-host adds another name';
    return { status: 403, code: 'host_not_allowed', message };
  }
  const isAllowedPage = origin !== undefined && origins.has(origin);
  const isForeignPage = origin === undefined ? isForeignSite(site) : !hosts.has(hostOf(origin));
  if (isForeignPage && !isAllowedPage) {
    const message = 'web pages may not use the proxy; --allow-origin lets one in';
    return { status: 403, code: 'origin_not_allowed', message };
  }
  if (url?.startsWith('/') !== true) {
    const message = 'give the path alone: this is a base URL for API clients, not an HTTP proxy';
    return { status: 400, code: 'invalid_request', message };
  }
  // Other upgrades, such as h2c, are offers that a server may pass over (RFC 9110 §7.8).
  if (upgrade !== undefined && /\bwebsocket\b/i.test(upgrade)) {
    const message = 'the proxy does not carry WebSockets: use HTTP, with stream: true for tokens as they come';
    return { status: 501, code: 'websocket_not_supported', message };
  }
  return null;
}

function isForeignSite(site: string | string[] | undefined): boolean {
  return site !== undefined && !OWN_SITES.has(String(site));
}

function hostOf(origin: string): string {
  return origin.replace(/^https?:\/\//, '').toLowerCase();
}

/**
 * The names by which the machine itself knows the address that the proxy listens on.
 * @param more names that its operator adds, with or without a port
 */
export function ownHosts(host: string, port: number, more: readonly string[] = []): ReadonlySet<string> {
  const names = ['localhost', '127.0.0.1', '[::1]', host.includes(':') ? `[${host}]` : host.toLowerCase()];
  const own = names.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]));
  return new Set([...own, ...more.flatMap((name) => [name.toLowerCase(), `${name.toLowerCase()}:${port}`])]);
}
