import type { IncomingMessage } from 'node:http';

/** Why the proxy does not take a request. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/**
 * Keeps web pages out: the proxy adds an API key and speaks for whoever sits at the machine. A page of another origin
 * shows itself by Origin; one that has pointed its own name at this address (DNS rebinding) shows itself by Host.
 * @param hosts names and ports that the proxy answers to, in lower case
 * @param origins origins of pages that may call it
 */
export function refusalOf(
  message: IncomingMessage,
  hosts: ReadonlySet<string>,
  origins: ReadonlySet<string>,
): Refusal | null {
  const { host, origin, upgrade } = message.headers;
  if (!hosts.has((host ?? '').toLowerCase())) {
    return { status: 403, code: 'host_not_allowed', message: 'the proxy answers to its own address only' };
  }
  if (origin !== undefined && !origins.has(origin) && !hosts.has(origin.replace(/^https?:\/\//, '').toLowerCase())) {
    return {
      status: 403,
      code: 'origin_not_allowed',
      message: 'web pages may not use the proxy; --allow-origin lets one in',
    };
  }
  if (upgrade !== undefined) {
    return {
      status: 501,
      code: 'websocket_not_supported',
      message: 'the proxy does not carry WebSockets: use HTTP, with stream: true for tokens as they come',
    };
  }
  return null;
}

/** The names by which the machine itself knows the address that the proxy listens on. */
export function ownHosts(host: string, port: number): ReadonlySet<string> {
  const names = ['localhost', '127.0.0.1', '[::1]', host.includes(':') ? `[${host}]` : host.toLowerCase()];
  return new Set(names.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`])));
}
