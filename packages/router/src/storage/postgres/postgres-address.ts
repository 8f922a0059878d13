import { ConfigurationError } from '@sotto/protocol';

/** Whether the connection is encrypted, and what of the server's certificate is checked: libpq's words for it. */
const TLS_MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const;

/** Where a PostgreSQL server is, and as whom it is asked. */
export interface PostgresAddress {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** Null where the URL holds none. */
  readonly password: string | null;
  readonly tls: (typeof TLS_MODES)[number];
  /** A PEM file of the authorities that may sign the server's certificate; null: those that Node trusts. */
  readonly rootCertificateFile: string | null;
}

const DEFAULT_PORT = 5_432;
const PARAMETERS: readonly string[] = ['host', 'user', 'sslmode', 'sslrootcert'];

/** Whether `storage` names a PostgreSQL database, well or badly. */
export function isPostgresUrl(storage: string): boolean {
  return /^postgres(ql)?:/.test(storage);
}

/**
 * Reads the address of a database as libpq writes it (PostgreSQL, "Connection URIs"), with four of its parameters: an
 * unknown one is an error, so that a misspelt `sslmode` is not a missing one. To another machine the mode has to be
 * said: neither answer suits everybody.
 * @param url `postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?sslmode=MODE&sslrootcert=FILE]`, or `postgres:///DATABASE?host=FOLDER&user=USER`
 * @throws ConfigurationError `invalid_config`, whose message repeats nothing of the URL
 */
export function parsePostgresAddress(url: string): PostgresAddress {
  const problem = (wanted: string): ConfigurationError =>
    new ConfigurationError(`storage: ${wanted}`, { code: 'invalid_config' });
  if (!isPostgresUrl(url) || !URL.canParse(url)) throw problem('give postgres://USER@HOST:PORT/DATABASE');
  const { hostname, port, pathname, username, password, searchParams, hash } = new URL(url);
  for (const name of searchParams.keys()) {
    if (!PARAMETERS.includes(name)) throw problem(`the URL knows ${PARAMETERS.join(', ')} behind its question mark`);
    if (searchParams.getAll(name).length > 1) throw problem(`the URL says ${name} twice`);
  }
  if (hash !== '') throw problem('a # in the URL is to be written %23');
  const host = searchParams.get('host') ?? unescaped(hostname).replace(/^\[(.*)\]$/, '$1');
  if (host === '') throw problem('the URL names no host');
  const database = unescaped(pathname.slice(1));
  const user = searchParams.get('user') ?? unescaped(username);
  if (database === '' || user === '') throw problem('the URL names a user and a database');
  const tls = readMode(searchParams.get('sslmode'), isOnThisMachine(host));
  if (tls === null)
    throw problem(`say in the URL whether TLS protects the way there: ?sslmode=${TLS_MODES.join(', ')}`);
  return {
    host,
    port: port === '' ? DEFAULT_PORT : Number(port),
    database,
    user,
    password: password === '' ? null : unescaped(password),
    tls,
    rootCertificateFile: searchParams.get('sslrootcert'),
  };

  function unescaped(text: string): string {
    try {
      return decodeURIComponent(text);
    } catch {
      throw problem('a % in the URL is to be written %25');
    }
  }
}

function readMode(told: string | null, isNear: boolean): PostgresAddress['tls'] | null {
  if (told === null) return isNear ? 'disable' : null;
  return TLS_MODES.find((mode) => mode === told) ?? null;
}

function isOnThisMachine(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host) || host.startsWith('/');
}
