import { ConfigurationError, SecurityError } from '@sotto/protocol';
import { type HeaderOptions, mergeHeaders } from '../outer-headers.ts';

/** Where sealed requests are posted, and with what beside them. */
export interface Relay {
  readonly url: string;
  /** Outer header fields, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The options that name a relay. */
export interface RelayOptions {
  /**
   * Posts sealed requests here instead of to the router: an Oblivious HTTP relay (RFC 9458 §2.1). It sees neither
   * content nor key, and the router does not see who asks. The keys still come from the router, unless `keyConfigs`
   * brings them.
   */
  readonly relayUrl?: string | undefined;
  /** Outer header fields, such as a credential for the relay. They travel in clear. */
  readonly relayHeaders?: HeaderOptions | undefined;
  /** Takes plain http too, for local tests. */
  readonly allowHttp?: boolean | undefined;
}

/** Fields of the outer request that a relay may well want; everything else that is reserved stays so. */
const CREDENTIAL = 'authorization';
/** RFC 9110 §5.5, without obs-text. */
const VALUE = /^[\t\x20-\x7e]*$/;

/**
 * Reads the relay of a client's options; null where requests go straight to the router.
 * @throws ConfigurationError `invalid_option`
 * @throws SecurityError `insecure_transport` for a relay over http, unless `allowHttp`
 */
export function parseRelay(options: RelayOptions): Relay | null {
  const { relayUrl, relayHeaders } = options;
  if (relayUrl === undefined) {
    if (relayHeaders === undefined) return null;
    throw invalid('relayHeaders are for a relay: give relayUrl too');
  }
  let url: URL;
  try {
    url = new URL(relayUrl);
  } catch {
    throw invalid('relayUrl is not a URL');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw invalid('relayUrl is neither https nor http');
  if (url.username !== '' || url.password !== '') throw invalid('relayUrl holds credentials: use relayHeaders');
  if (url.protocol === 'http:' && options.allowHttp !== true) {
    throw new SecurityError('the relay is addressed over plain http: use https, or set allowHttp for a local test', {
      code: 'insecure_transport',
    });
  }
  return { url: url.href, headers: outerHeaders(relayHeaders ?? {}) };
}

function outerHeaders(given: HeaderOptions): Readonly<Record<string, string>> {
  let credential: string | null = null;
  const rest: Record<string, string | null> = {};
  for (const [name, value] of Object.entries(given)) {
    if (name.toLowerCase() === CREDENTIAL) credential = value;
    else rest[name] = value;
  }
  // The value is not quoted: it is a credential.
  if (credential !== null && !VALUE.test(credential)) throw invalid('the authorization of relayHeaders is malformed');
  return { ...mergeHeaders(rest), ...(credential === null ? {} : { [CREDENTIAL]: credential }) };
}

function invalid(message: string): ConfigurationError {
  return new ConfigurationError(message, { code: 'invalid_option' });
}
