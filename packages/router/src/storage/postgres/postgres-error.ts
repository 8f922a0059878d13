import { ConfigurationError } from '@sotto/protocol';

/** PostgreSQL, appendix A, "PostgreSQL Error Codes". */
const UNIQUE_VIOLATION = '23505';

/** What to tell the operator, by the server's code. */
const REFUSALS: Readonly<Record<string, string>> = {
  '28P01': 'the server does not take this user name and password',
  '28000': 'the server does not let this user in from here: see its pg_hba.conf',
  '3D000': 'the server has no database of this name: make it with createdb',
  '3F000': 'the database has no schema for this user: make one, or see its search_path',
  '42501': 'the user may not make or write the tables: make it the owner of the database',
  '25006': 'the database takes no writes: it is a standby, or the user is made for reading',
};

/** The server, or the way to it, is not there now, and may be soon: classes 08, 53 and 57, and the network's words. */
const PASSING =
  /^(08...|53...|57...|ECONN(REFUSED|RESET|ABORTED)|ETIMEDOUT|EHOST(UNREACH|DOWN)|ENET(UNREACH|DOWN)|ENOENT|ENOTFOUND|EAI_AGAIN|EPIPE)$/;
/** Node's and OpenSSL's words for a certificate that is not taken. */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/;

/** Whether a statement broke a uniqueness. */
export function isUniqueViolation(error: unknown): boolean {
  return codeOf(error) === UNIQUE_VIOLATION;
}

/** Whether the server itself said no: the connection is then as good as before, unless the server is going away. */
export function isServersAnswer(error: unknown): boolean {
  return /^(?!57P|08)[0-9A-Z]{5}$/.test(codeOf(error)) && error instanceof Error && 'severity' in error;
}

/** Whether trying again in a moment may help. */
export function isPassing(error: unknown): boolean {
  const code = codeOf(error);
  // Its own words for a server that does not answer have no code.
  return code === '' ? /timeout|terminated|Connection ended/i.test(messageOf(error)) : PASSING.test(code);
}

/** What to tell the operator of a database that cannot be used. Repeats nothing of its URL. */
export function postgresFailure(error: unknown): ConfigurationError {
  if (ConfigurationError.isInstance(error)) return error;
  const code = codeOf(error);
  return new ConfigurationError(`storage: ${REFUSALS[code] ?? describe(code, messageOf(error))}`, {
    code: 'invalid_config',
    cause: error,
  });
}

function describe(code: string, message: string): string {
  if (message.startsWith('SASL')) return 'the server asks for a password: give one in storagePassword';
  if (message.includes('does not support SSL')) return 'the server does not speak TLS';
  if (CERTIFICATE.test(code))
    return `the server’s certificate is not one that sslmode and sslrootcert let in (${code})`;
  if (isPassing({ code, message })) return `the server cannot be reached (${code === '' ? 'no answer' : code})`;
  return `the database cannot be used (${code === '' ? 'no reason given' : code})`;
}

function codeOf(error: unknown): string {
  // Of a name with several addresses, none of which answers, the first error stands for all.
  const one = error instanceof AggregateError && error.errors.length > 0 ? (error.errors[0] as unknown) : error;
  return typeof one === 'object' && one !== null && 'code' in one ? String(one.code) : '';
}

function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : '';
}
